"""Baseline: logistic regression on texture features. `dvc repro baseline`.

models/baseline.parquet has one column per split strategy and baseline, such as `grouped/logistic`:
the probability of a defect for all samples.
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import stage
from omegaconf import DictConfig
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .data import load_prepared
from .features import texture_features

BASELINE = Path("models/baseline.parquet")


@stage
def main(cfg: DictConfig) -> None:
    """Fits every baseline on every split and writes its probabilities."""
    _, samples, _ = load_prepared()
    predictions = pd.DataFrame(index=samples.index)
    for strategy in ("grouped", "random"):
        split = samples[strategy].to_numpy()
        for name in cfg.data.baselines:
            predictions[f"{strategy}/{name}"] = fit_predict(cfg, name, split, samples.index)
    BASELINE.parent.mkdir(exist_ok=True)
    predictions.to_parquet(BASELINE)


def fit_predict(cfg: DictConfig, name: str, split: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probability of a defect (k,) for `rows` (k,) after a fit on split (n,) == "train"."""
    features, labels = load_features()
    train = split == "train"
    # 2,000 iterations: the default of 100 need not converge on correlated features.
    classifier = LogisticRegression(max_iter=2000, **cfg.data.baselines[name])
    model = make_pipeline(StandardScaler(), classifier)
    model.fit(features[train], labels[train])
    return model.predict_proba(features[rows])[:, 1]


@functools.cache  # cross-validation fits many times on the same features
def load_features() -> tuple[np.ndarray, np.ndarray]:
    """Features (n, k) and labels (n,) of all samples."""
    photos, samples, _ = load_prepared()
    return texture_features(photos, samples), samples.label.to_numpy()


if __name__ == "__main__":
    main()
