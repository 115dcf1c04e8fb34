"""Quality per minute of CPU: default settings, others, and the best baseline.

A table's validation split has a few dozen positives, too few to choose by, so the table is cross-validated as well,
without its test set. The test score is printed next to it, in a project that is thrown away.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import training
from heldout import config, metrics, splits
from heldout.onnx import load_metrics
from measure import KIND, prepare, row
from omegaconf import DictConfig
from project import baseline, data, train

OUT = Path("runs/quality")
SETTINGS = {
    "image": [["model=frozen"], ["model.members=1"], ["model.freeze=7"]],
    "table": [["model=frozen"], ["model.members=1"], ["model.epochs=60"], ["model.k=32"], ["model.width=128"]],
    "series": [["model=frozen"], ["model.members=1"], ["model.epochs=6"], ["model.layers=2"], ["model.width=32"]],
}


def score(y: np.ndarray, predictions: np.ndarray) -> float:
    """ROC AUC of probabilities (n,), or mean absolute error of the median of quantiles (n, 3)."""
    if predictions.ndim == 1:
        return metrics.roc_auc(y, predictions)
    return float(np.abs(y - predictions[:, 1]).mean())


def crossvalidate(cfg: DictConfig, samples: pd.DataFrame, task: str, fit_predict: Callable) -> str:
    """The score over all samples but the test set, as text; each is predicted by a fit on other groups.

    fit_predict(split, rows) fits on split (n,) == "train" and predicts the rows (k,).
    """
    kept = np.flatnonzero(samples[cfg.data.split] != "test")
    columns = {"groups": samples.group.iloc[kept], "labels": samples.label.iloc[kept], "task": task}
    predictions = np.zeros(len(samples))
    for fold in splits.folds(cfg.data.split, cfg.folds, cfg.seed, **columns):
        split = np.full(len(samples), "gap", object)
        split[kept] = fold
        rows = np.flatnonzero(split == "test")
        predictions[rows] = fit_predict(split, rows)
    y = samples.label.to_numpy()
    return f", {score(y[kept], predictions[kept]):.4g} in {cfg.folds} folds"


def fit_network(cfg: DictConfig, split: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Predictions of the network for rows (k,) after a training on split (n,) == "train"."""
    if hasattr(train, "frozen_features"):
        train.frozen_features.cache_clear()  # their computation is part of the cost
    with training.silence():
        train.fit(cfg, split, OUT)
    return train.predict(OUT / "best.ckpt", rows)


def main() -> None:
    prepare()
    _, samples, schema = data.load_prepared()
    y, name = samples.label.to_numpy(), "AUC" if schema["task"] == "classification" else "MAE"
    for overrides in [[], *SETTINGS[KIND]]:
        cfg = config.compose("trainer=cpu", "logger=[]", *overrides)
        split = samples[cfg.data.split].to_numpy()
        val, test = (np.flatnonzero(split == part) for part in ("val", "test"))
        start = time.process_time()
        predictions = fit_network(cfg, split, np.concatenate([val, test]))
        minutes = (time.process_time() - start) / 60
        on_val, on_test = score(y[val], predictions[: len(val)]), score(y[test], predictions[len(val) :])
        text = f"{name} {on_test:.4g} on test, {on_val:.4g} on validation"
        if KIND == "table":
            text += crossvalidate(cfg, samples, schema["task"], lambda *rows, cfg=cfg: fit_network(cfg, *rows))
        row(" ".join(overrides) or "default", text, f"{minutes:.2f} min of CPU")
    measure_baselines(config.compose("trainer=cpu"), samples, schema["task"], name)


def measure_baselines(cfg: DictConfig, samples: pd.DataFrame, task: str, name: str) -> None:
    """A row for the best baseline, with the time that all of them take."""
    report = load_metrics()
    best = report["baseline_name"]
    start = time.process_time()
    baseline.main(cfg)
    minutes = (time.process_time() - start) / 60
    text = f"{name} {report['results'][best][name.lower()]['value']:.4g} on test"
    if KIND == "table":
        text += crossvalidate(cfg, samples, task, lambda *rows: baseline.fit_predict(cfg, best, *rows))
    row(f"baselines; the best, {best}", text, f"{minutes:.2f} min of CPU for all, on every split")


if __name__ == "__main__":
    main()
