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

BASELINE, ONNX = Path("models/baseline.parquet"), Path("models/model.onnx")
METRICS, LEDGER = Path("reports/metrics.json"), Path("reports/test_ledger.jsonl")
PREDICTIONS = Path("models/predictions.parquet")
# Name, format ("": about four digits) and direction of every row; the first one ranks models.
TABLE = {
    "mae": Metric("MAE", "", "lower"),
    "rmse": Metric("RMSE", "", "lower"),
    "pinball": Metric("Pinball loss", "", "lower"),
    "coverage": Metric("Coverage of the 80% interval", ".1%", "near 80%"),
    "width": Metric("Width of the 80% interval", "", "lower, at equal coverage"),
    "cost": Metric("Cost of errors", "", "lower"),
}


@stage
def main(cfg: DictConfig) -> None:
    """Writes reports/metrics.json, the predictions for the test set, and a line of the ledger."""
    windows, samples, schema = load_prepared()
    predictor = Predictor(ONNX)
    prepared.check_same_data(ONNX, predictor.schema, schema)
    samples["split"] = samples[cfg.data.split]
    # Three columns per model: its median forecast, and `_low` and `_high`.
    fitted = pd.read_parquet(BASELINE)
    forecasts = fitted.filter(regex=f"^{cfg.data.split}/").rename(
        columns=lambda name: name.split("/")[1]
    )
    held_out = np.flatnonzero(samples.split.isin(["val", "test"]))
    _, members = predictor.model.run(windows[held_out])  # (n, members, 3)
    network = metrics.member_columns("network", members, held_out)
    samples = samples.join([forecasts, network])
    # As export.py does with the network's intervals.
    metrics.calibrate_intervals(samples, samples.split == "val", [*cfg.data.baselines, "constant"])
    val, test = samples[samples.split == "val"], samples[samples.split == "test"]
    # The best baseline on validation is the reference; the test set does not choose it.
    reference = min(cfg.data.baselines, key=lambda name: mae_only(val, name)["mae"])
    score = functools.partial(forecast_metrics, cost_per_unit=cfg.data.cost.error)
    # Paired: all models are scored on the same resamples of whole weeks.
    models, slices = ["network", *cfg.data.baselines, "constant"], list(cfg.data.slices)
    scored = test.filter(regex=f"^(label|block|{'|'.join(models)})")  # each resample copies it
    comparison = Comparison(scored, models, score, "block", n_boot=cfg.bootstrap, seed=cfg.seed)
    medians = test.filter(regex=rf"^(label|block|network|{reference})(/\d+)?$").join(test[slices])
    by_slice = Comparison(medians, ["network", reference], mae_only, "block", n_boot=cfg.bootstrap)
    report = {
        "task": schema["task"],
        "data": schema["data"],
        "split": cfg.data.split,
        "n_test": len(test),
        "groups_test": comparison.n_groups,
        "threshold": None,
        "baseline_name": reference,
        "members": comparison.spread("network", "mae"),
        "results": comparison.table(),
        **comparison.versus("network", TABLE),  # paired differences and their significance
        "slices": by_slice.slices(slices, "mae"),
        # The baseline on both splits: by how much does the random one understate its error?
        "leakage": by_slice.leakage(samples, fitted, reference, [cfg.data.split, "random"]),
        "calibration": metrics.quantile_calibration(
            test.label, test[["network_low", "network", "network_high"]]
        ),
    }
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


if __name__ == "__main__":
    main()
