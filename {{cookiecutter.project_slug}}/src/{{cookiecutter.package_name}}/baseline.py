"""What the network has to beat (`dvc repro baseline`) -> models/baseline.parquet.

A column for each split and baseline of conf/data: probabilities, or the middle and both ends of a forecast.
The best on validation is the one that the results name.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from . import config, dataset, features
from .scores import QUANTILES

Answers = Callable[[pd.DataFrame], np.ndarray]


@config.main
def main(cfg: DictConfig) -> None:
    """Fits each baseline on the training part of each split and writes its answers for all samples."""
    x, y, samples, schema = dataset.read()
    found = features.features(x, samples, schema)
    out = pd.DataFrame(index=samples.index)
    for split in dict.fromkeys(cfg.data.splits):
        train = (samples[split] == "train").to_numpy()
        for name in names(cfg, schema["task"]):
            answers = fit(name, cfg, schema["task"], found[train], y[train])(found)
            out = out.join(columns(f"{split}/{name}", answers, out.index))
    Path("models").mkdir(exist_ok=True)
    out.to_parquet("models/baseline.parquet")


def names(cfg: DictConfig, task: str) -> list[str]:
    """The baselines of conf/data that suit the task."""
    found = [name for name in cfg.data.baselines if name in BASELINES[task]]
    if not found:
        raise config.BadInput(f"data.baselines: none for a {task}; name one of {', '.join(BASELINES[task])}")
    return found


def fit(name: str, cfg: DictConfig, task: str, found: pd.DataFrame, y: np.ndarray) -> Answers:
    """A function from features (n, k) to answers (n,) or (n, 3), fitted on these features and labels."""
    try:
        return BASELINES[task][name](dict(cfg.data.baselines[name] or {}), found, y)
    except (TypeError, ValueError) as error:  # scikit-learn names the setting
        raise config.BadInput(f"data.baselines.{name}: {str(error).splitlines()[0]}") from None


def columns(name: str, answers: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Answers (n,) as one column, or (n, 3) as the middle, its lower and its upper end."""
    if answers.ndim == 1:
        return pd.DataFrame({name: answers}, index)
    return pd.DataFrame(
        {f"{name}_low": answers[:, 0], name: answers[:, 1], f"{name}_high": answers[:, 2]}, index
    )


def scaled(estimator: LogisticRegression | Ridge) -> Pipeline:
    """A linear estimator on features of mean 0 and spread 1, missing values at the mean."""
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), estimator)


def logistic(settings: dict, found: pd.DataFrame, y: np.ndarray) -> Answers:
    """Probabilities of a logistic regression."""
    fitted = scaled(LogisticRegression(max_iter=2000, **settings)).fit(found, y)
    return lambda rows: fitted.predict_proba(rows)[:, 1]


def boosting_classes(settings: dict, found: pd.DataFrame, y: np.ndarray) -> Answers:
    """Probabilities of boosted trees."""
    fitted = HistGradientBoostingClassifier(random_state=0, **settings).fit(found, y)
    return lambda rows: fitted.predict_proba(rows)[:, 1]


def boosting(settings: dict, found: pd.DataFrame, y: np.ndarray) -> Answers:
    """One boosting for each quantile."""
    fitted = [
        HistGradientBoostingRegressor(loss="quantile", quantile=q, random_state=0, **settings).fit(found, y)
        for q in QUANTILES
    ]
    return lambda rows: np.sort(np.stack([model.predict(rows) for model in fitted], axis=1))


def linear(settings: dict, found: pd.DataFrame, y: np.ndarray) -> Answers:
    """Ridge regression, with the quantiles of its errors in training."""
    fitted = scaled(Ridge(**settings)).fit(found, y)
    spread = np.quantile(y - fitted.predict(found), QUANTILES)
    return lambda rows: fitted.predict(rows)[:, None] + spread


def persistence(settings: dict, found: pd.DataFrame, y: np.ndarray) -> Answers:
    """What is, stays; with the quantiles of the changes in training around it."""
    spread = np.quantile(y - found["now"].to_numpy(), QUANTILES)
    spread[1] = 0
    return lambda rows: rows["now"].to_numpy()[:, None] + spread


BASELINES = {
    "classification": {"logistic": logistic, "boosting": boosting_classes},
    "regression": {"linear": linear, "boosting": boosting, "persistence": persistence},
}

if __name__ == "__main__":
    main()
