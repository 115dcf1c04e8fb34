"""Scores network, baselines and a constant prediction on the test areas. `dvc repro evaluate`.

Thresholds are chosen on validation by cost. Confidence intervals resample whole postcode areas:
customers of one area are not independent. Each evaluation adds a line to reports/test_ledger.jsonl.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import Comparison, ledger, metrics, prepared, stage, thresholds
from heldout.errors import atomic_write
from heldout.pages import Metric
from omegaconf import DictConfig

from .data import load_prepared
from .predict import Predictor

BASELINE, ONNX = Path("models/baseline.parquet"), Path("models/model.onnx")
METRICS, LEDGER = Path("reports/metrics.json"), Path("reports/test_ledger.jsonl")
PREDICTIONS = Path("models/predictions.parquet")
TOP_SHARE = 0.20  # one customer in five can get a letter, as in the challenge
# Name, format ("": about four digits), direction; the first one that a task has ranks models.
TABLE = {
    "auc": Metric("ROC AUC", ".3f", "higher"),
    "accuracy": Metric("Accuracy at its best threshold on validation", ".1%", "higher"),
    "recall": Metric("Recall at the threshold", ".1%", "higher"),
    "precision": Metric("Precision at the threshold", ".1%", "higher"),
    "false_positive_rate": Metric("False positive rate at the threshold", ".1%", "lower"),
    "recall_at_share": Metric(f"Recall with the top {TOP_SHARE:.0%} flagged", ".1%", "higher"),
    "brier": Metric("Brier score", ".3f", "lower"),
    "mae": Metric("Mean absolute error", "", "lower"),  # the next three: regression
    "pinball": Metric("Pinball loss", "", "lower"),
    "coverage": Metric("Coverage of the 80% interval", ".1%", "near 80%"),
    "cost": Metric("Cost per 1,000 samples", ",.0f", "lower"),
}


@stage
def main(cfg: DictConfig) -> None:
    """Writes reports/metrics.json, the predictions for the test set, and a line of the ledger."""
    x, samples, schema = load_prepared()
    samples["split"] = samples[cfg.data.split]
    fitted = pd.read_parquet(BASELINE)
    samples, models = add_predictions(samples, x, fitted, schema, cfg.data)
    val, test = samples[samples.split == "val"], samples[samples.split == "test"]
    judge = score_classification if schema["task"] == "classification" else score_regression
    score, details = judge(val, test, models, cfg.data.cost)
    comparison = Comparison(test, models, score, "block", n_boot=cfg.bootstrap, seed=cfg.seed)
    table = {name: TABLE[name] for name in comparison.metric_names}
    # The best baseline on validation is the reference; the test set does not choose it.
    first = comparison.metric_names[0]
    choose = max if TABLE[first].better == "higher" else min
    reference = choose(models[1:-1], key=lambda name: score(val, name)[first])
    report = {
        "task": schema["task"],
        "data": schema["data"],
        "split": cfg.data.split,
        "n_test": len(test),
        "groups_test": comparison.n_groups,
        "baseline_name": reference,
        "members": comparison.spread("network", first),
        "results": comparison.table(),
        **comparison.versus("network", table),  # paired differences and their significance
        "slices": comparison.slices(list(cfg.data.slices), first, ["network", reference]),
        # The baseline on both splits: by how much does the random one overstate?
        "leakage": comparison.leakage(samples, fitted, reference, [cfg.data.split, "random"]),
        **details,
    }
    value = report["results"]["network"][first]["value"]
    ledger.record(LEDGER, stage="evaluate", model=ONNX, data=cfg.data.sha256, score=value)
    test.assign(row=test.index).to_parquet(PREDICTIONS, index=False)
    atomic_write(METRICS, json.dumps(report, indent=1) + "\n")


def add_predictions(
    samples: pd.DataFrame, x: np.ndarray, fitted: pd.DataFrame, schema: dict, data: DictConfig
) -> tuple[pd.DataFrame, list[str]]:
    """The samples with each model's probabilities, or three quantiles; names of models."""
    predictor = Predictor(ONNX)
    prepared.check_same_data(ONNX, predictor.schema, schema)
    held_out = np.flatnonzero(samples.split.isin(["val", "test"]))
    _, members = predictor.model.run(x[held_out])  # (n, members[, 3])
    network = metrics.member_columns("network", members, held_out)
    fitted = fitted.filter(regex=f"^{data.split}/").rename(columns=lambda name: name.split("/")[1])
    names = [name for name in (*data.baselines, "constant") if name in fitted]
    return samples.join([network, fitted]), ["network", *names]


def score_classification(
    val: pd.DataFrame, test: pd.DataFrame, models: list, cost: DictConfig
) -> tuple:
    """score(rows, model) for probabilities, at thresholds from validation; more of the report."""
    cost_threshold, accuracy_threshold = {}, {}
    for name in models:
        prices = {"miss": cost.miss, "false_positive": cost.false_positive}
        cost_threshold[name] = thresholds.min_cost(val.label, val[name], **prices)
        accuracy_threshold[name] = thresholds.max_accuracy(val.label, val[name])

    def score(rows: pd.DataFrame, model: str) -> dict[str, float]:
        y, p = rows.label.to_numpy() > 0, rows[model].to_numpy()
        flagged = p >= cost_threshold[model]
        return {
            "auc": metrics.roc_auc(y, p),
            "accuracy": np.mean((p >= accuracy_threshold[model]) == y),
            "recall": metrics.mean_or_nan(flagged[y]),
            "precision": metrics.mean_or_nan(y[flagged]),
            "false_positive_rate": metrics.mean_or_nan(flagged[~y]),
            "recall_at_share": metrics.recall_at(y, p, TOP_SHARE),
            "brier": np.mean((p - y) ** 2),
            "cost": 1000 * metrics.expected_cost(y, flagged, cost.miss, cost.false_positive),
        }

    costs = thresholds.cost_table(val, test, models, cost.ratios)
    calibration = metrics.calibration(test.label, test.network)
    details = {"costs": costs, "calibration": calibration}
    return score, {"threshold": cost_threshold["network"], **details}


def score_regression(
    val: pd.DataFrame, test: pd.DataFrame, models: list, cost: DictConfig
) -> tuple:
    """score(rows, model) for quantiles, which need no threshold; more of the report."""

    def score(rows: pd.DataFrame, model: str) -> dict[str, float]:
        y = rows.label.to_numpy()
        low, median, high = rows[f"{model}_low"], rows[model], rows[f"{model}_high"]
        quantiles = np.column_stack([low, median, high])  # (n, 3)
        mae = np.abs(y - median).mean()
        return {
            "mae": mae,
            "pinball": metrics.pinball(y, quantiles),
            "coverage": metrics.coverage(y, low, high),
            "cost": 1000 * cost.error * mae,
        }

    quantiles = test[["network_low", "network", "network_high"]]
    calibration = metrics.quantile_calibration(test.label, quantiles)
    return score, {"threshold": None, "costs": [], "calibration": calibration}


if __name__ == "__main__":
    main()
