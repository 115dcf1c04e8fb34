"""Baselines: a linear model and gradient boosting on the same columns. `dvc repro baseline`.

models/baseline.parquet has one column per split strategy and model, such as `grouped/boosting`: the
probability of a policy for all samples. A regression has three, with `_low` and `_high`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from heldout import InputError, metrics, stage
from omegaconf import DictConfig
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from .data import load_prepared
from .features import one_hot_features

BASELINE = Path("models/baseline.parquet")
# conf/data/own.yaml lists baselines of both tasks.
BASELINES = {"classification": ("logistic", "boosting"), "regression": ("linear", "boosting")}


@stage
def main(cfg: DictConfig) -> None:
    """Fits every baseline on every split and writes its predictions."""
    _, samples, schema = load_prepared()
    suitable = BASELINES[schema["task"]]
    names = [name for name in cfg.data.baselines if name in suitable]
    if not names:
        raise InputError(f"data.baselines: none for a {schema['task']}: {', '.join(suitable)}")
    columns = []
    for strategy in dict.fromkeys([cfg.data.split, "random"]):
        for name in [*names, "constant"]:
            values = fit_predict(cfg, name, samples[strategy].to_numpy(), samples.index)
            columns.append(metrics.prediction_columns(f"{strategy}/{name}", values, samples.index))
    BASELINE.parent.mkdir(exist_ok=True)
    pd.concat(columns, axis=1).to_parquet(BASELINE)


def fit_predict(cfg: DictConfig, name: str, split: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probabilities (k,) or quantiles (k, 3) of rows (k,) after a fit on split (n,) == "train"."""
    x, samples, schema = load_prepared()
    features, labels = one_hot_features(x, schema["columns"]), samples.label.to_numpy()
    x, y, x_new = features[split == "train"], labels[split == "train"], features[rows]
    settings = dict(cfg.data.baselines.get(name) or {})
    predict = predict_quantiles if schema["task"] == "regression" else predict_probability
    try:
        return predict(name, settings, x, y, x_new)
    except (TypeError, ValueError) as error:  # scikit-learn names the wrong setting
        raise InputError(f"data.baselines.{name}: {str(error).splitlines()[0]}") from None


def predict_probability(name: str, settings: dict, x, y, x_new) -> np.ndarray:
    """Probability of the positive class (k,) for x_new (k, features); x (n, features), y (n,)."""
    if name == "constant":
        return np.full(len(x_new), y.mean())
    if name == "logistic":
        model = scaled(LogisticRegression(max_iter=2000, **settings))
    else:
        model = HistGradientBoostingClassifier(random_state=0, **settings)
    return model.fit(x, y).predict_proba(x_new)[:, 1]


def predict_quantiles(name: str, settings: dict, x, y, x_new) -> np.ndarray:
    """10%, 50% and 90% quantile (k, 3) for x_new (k, features); x (n, features), y (n,)."""
    if name == "constant":
        return np.tile(np.quantile(y, metrics.QUANTILES), (len(x_new), 1))
    if name == "linear":  # and the quantiles of its errors in training
        model = scaled(Ridge(**settings)).fit(x, y)
        errors = np.quantile(y - model.predict(x), metrics.QUANTILES)
        return model.predict(x_new)[:, None] + errors
    quantiles = []
    for level in metrics.QUANTILES:
        options = {"loss": "quantile", "quantile": level, "random_state": 0, **settings}
        quantiles.append(HistGradientBoostingRegressor(**options).fit(x, y).predict(x_new))
    return np.sort(np.column_stack(quantiles), axis=1)  # separate fits may cross


def scaled(linear_model: LogisticRegression | Ridge) -> Pipeline:
    """The model on features of mean 0 and standard deviation 1, the mean for missing values."""
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), linear_model)


if __name__ == "__main__":
    main()
