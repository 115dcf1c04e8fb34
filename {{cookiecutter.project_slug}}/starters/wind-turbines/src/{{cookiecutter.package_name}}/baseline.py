"""Baselines: persistence, gradient boosting on lags, a constant. `dvc repro baseline`.

models/baseline.parquet has three columns per split strategy and baseline, such as `time/boosting`:
the median forecast for all samples, and `_low` and `_high`, the ends of its 80% interval.
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import InputError, metrics, stage
from heldout.metrics import QUANTILES
from omegaconf import DictConfig
from sklearn.ensemble import HistGradientBoostingRegressor

from .data import load_prepared
from .features import lag_features

BASELINE = Path("models/baseline.parquet")


@stage
def main(cfg: DictConfig) -> None:
    """Fits every baseline on every split and writes its forecasts."""
    _, samples, _ = load_prepared()
    rows = samples.index.to_numpy()
    columns = []
    for strategy in ("time", "random"):
        split = samples[strategy].to_numpy()
        for name in [*cfg.data.baselines, "constant"]:
            quantiles = fit_predict(cfg, name, split, rows)
            columns.append(metrics.prediction_columns(f"{strategy}/{name}", quantiles, rows))
    BASELINE.parent.mkdir(exist_ok=True)
    pd.concat(columns, axis=1).to_parquet(BASELINE)


def fit_predict(cfg: DictConfig, name: str, split: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Quantiles (k, 3) for `rows` (k,) after a fit on split (n,) == "train"."""
    features, labels = load_features()
    train = split == "train"
    if name == "constant":
        return np.tile(np.quantile(labels[train], QUANTILES), (len(rows), 1))
    if name == "persistence":
        # The value now, with the quantiles of the changes in training around it.
        change = np.quantile(labels[train] - features[train, 0], QUANTILES)
        change[1] = 0  # the median stays at the value now, whatever the trend in training
        return features[rows, :1] + change
    if name != "boosting":
        raise InputError(f"data.baselines.{name}: choose persistence or boosting")
    # It forecasts the level: validation MAE 117.8 kW, or 118.1 if it forecasts the change from now.
    quantiles = []
    for level in QUANTILES:
        model = HistGradientBoostingRegressor(
            loss="quantile", quantile=level, random_state=0, **cfg.data.baselines.boosting
        )
        quantiles.append(model.fit(features[train], labels[train]).predict(features[rows]))
    return np.sort(np.stack(quantiles, axis=1), axis=1)  # sorted, they never cross


@functools.cache  # cross-validation fits many times on the same features
def load_features() -> tuple[np.ndarray, np.ndarray]:
    """Features (n, k) and labels (n,) of all samples."""
    windows, samples, schema = load_prepared()
    features = lag_features(windows, n_columns=len(schema["channels"]))
    return features, samples.label.to_numpy()


if __name__ == "__main__":
    main()
