"""Scores network, baselines and a constant prediction on the test year. `dvc repro evaluate`.

Confidence intervals resample whole weeks, because forecasts of one week share its weather.
"""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import Comparison, ledger, metrics, prepared, stage
from heldout.errors import atomic_write
from heldout.pages import Metric
from omegaconf import DictConfig

from .data import load_prepared
from .predict import Predictor

BASELINE = Path("models/baseline.parquet")
METRICS = Path("reports/metrics.json")
ONNX = Path("models/model.onnx")
PREDICTIONS = Path("models/predictions.parquet")
LEDGER = Path("reports/test_ledger.jsonl")
# Name, format ("": about four digits) and direction of every row; the first one ranks models.
TABLE = {
    "mae": Metric("Mean absolute error", "", "lower"),
    "rmse": Metric("Root mean square error", "", "lower"),
    "pinball": Metric("Pinball loss", "", "lower"),
    "coverage": Metric("Coverage of the 80% interval", ".1%", "near 80%"),
    "width": Metric("Width of the 80% interval", "", "lower"),
    "cost": Metric("Cost of imbalance, EUR per turbine and year", "", "lower"),
}


@stage
def main(cfg: DictConfig) -> None:
    """Writes reports/metrics.json, the predictions for the test set, and a line of the ledger."""
    windows, samples, schema = load_prepared()
    predictor = Predictor(ONNX)
    prepared.check_same_data(ONNX, predictor.schema, schema)
    samples["split"] = samples[cfg.data.split]
    # Three columns per model: its median forecast, and `_low` and `_high`.
    forecasts = pd.read_parquet(BASELINE).filter(regex=f"^{cfg.data.split}/")
    forecasts = forecasts.rename(columns=lambda name: name.split("/")[1])
    held_out = np.flatnonzero(samples.split.isin(["val", "test"]))
    network = metrics.prediction_columns("network", predictor(windows[held_out]), held_out)
    samples = samples.join([forecasts, network])
    val, test = samples[samples.split == "val"], samples[samples.split == "test"]
    # The best baseline on validation is the reference; the test set does not choose it.
    reference = min(cfg.data.baselines, key=lambda name: mae_only(val, name)["mae"])
    score = functools.partial(forecast_metrics, cost_per_unit=cfg.data.cost.error)
    # Paired: all models are scored on the same resamples of whole weeks.
    models = ["network", *cfg.data.baselines, "constant"]
    comparison = Comparison(test, models, score, "block", n_boot=cfg.bootstrap, seed=cfg.seed)
    by_slice = Comparison(test, ["network", reference], mae_only, "block", n_boot=cfg.bootstrap)
    report = {
        "task": schema["task"],
        "data": schema["data"],
        "split": cfg.data.split,
        "n_test": len(test),
        "groups_test": comparison.n_groups,
        "threshold": None,
        "baseline_name": reference,
        "results": comparison.table(),
        **comparison.versus("network", TABLE),  # paired differences and their significance
        "slices": by_slice.slices(list(cfg.data.slices), "mae"),
        "unseen": {},
        "leakage": split_leakage(samples, reference, cfg),
        "calibration": metrics.quantile_calibration(
            test.label, test[["network_low", "network", "network_high"]]
        ),
    }
    METRICS.parent.mkdir(exist_ok=True)
    mae = report["results"]["network"]["mae"]["value"]
    ledger.record(LEDGER, stage="evaluate", model=ONNX, data=cfg.data.sha256, score=mae)
    test.assign(row=test.index).to_parquet(PREDICTIONS, index=False)
    atomic_write(METRICS, json.dumps(report, indent=1) + "\n")


def forecast_metrics(rows: pd.DataFrame, model: str, cost_per_unit: float) -> dict[str, float]:
    """The rows of the result table for one model, in units of the target."""
    y, quantiles = rows.label.to_numpy(), rows[[f"{model}_low", model, f"{model}_high"]].to_numpy()
    low, median, high = quantiles.T
    mae = np.mean(np.abs(y - median))
    return {
        "mae": mae,
        "rmse": np.sqrt(np.mean((y - median) ** 2)),
        "pinball": metrics.pinball(y, quantiles),
        "coverage": metrics.coverage(y, low, high),
        "width": np.mean(high - low),
        "cost": cost_per_unit * mae,
    }


def mae_only(rows: pd.DataFrame, model: str) -> dict[str, float]:
    """The metric of slices and splits: quick to resample a thousand times."""
    return {"mae": np.mean(np.abs(rows.label.to_numpy() - rows[model].to_numpy()))}


def split_leakage(samples: pd.DataFrame, name: str, cfg: DictConfig) -> dict:
    """MAE of a baseline on either split: the difference is what a random split understates."""
    baselines = pd.read_parquet(BASELINE)
    results = {}
    for strategy in (cfg.data.split, "random"):
        rows = samples.loc[samples[strategy] == "test", ["label", "block"]]
        rows[name] = baselines[f"{strategy}/{name}"]
        comparison = Comparison(rows, [name], mae_only, "block", n_boot=cfg.bootstrap)
        results[strategy] = {name: comparison.table()[name]["mae"]}
    return results


if __name__ == "__main__":
    main()
