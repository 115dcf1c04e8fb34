"""Scores network, baselines and a constant prediction on the test modules. `dvc repro evaluate`.

Thresholds are chosen on validation by cost. Confidence intervals resample whole modules, because
cells of one module are not independent. Every evaluation is recorded in reports/test_ledger.jsonl.
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

BASELINE = Path("models/baseline.parquet")
METRICS = Path("reports/metrics.json")
PREDICTIONS = Path("models/predictions.parquet")
LEDGER = Path("reports/test_ledger.jsonl")
MAX_FPR = 0.10  # at which recall is reported: 10% of sound cells go to manual review
# Name, format and direction of every row of the result table; the first one ranks models.
TABLE = {
    "auc": Metric("ROC AUC", ".3f", "higher"),
    "accuracy": Metric("Accuracy at its best threshold on validation", ".1%", "higher"),
    "recall": Metric("Recall at the threshold", ".1%", "higher"),
    "precision": Metric("Precision at the threshold", ".1%", "higher"),
    "false_positive_rate": Metric("False positive rate at the threshold", ".1%", "lower"),
    "recall_at_fpr": Metric(f"Recall at a {MAX_FPR:.0%} false positive rate", ".1%", "higher"),
    "brier": Metric("Brier score", ".3f", "lower"),
    "cost": Metric("Cost per 1,000 photos", ",.0f", "lower"),
}


@stage
def main(cfg: DictConfig) -> None:
    """Writes reports/metrics.json, the predictions for the test set, and a line of the ledger."""
    photos, samples, schema = load_prepared()
    predictor = Predictor()
    prepared.check_same_data("models/model.onnx", predictor.schema, schema)
    samples["split"] = samples[cfg.data.split]
    fitted = pd.read_parquet(BASELINE)
    samples = add_predictions(samples, predictor, photos, fitted, cfg)
    models = ["network", *cfg.data.baselines, "constant"]
    val, test = samples[samples.split == "val"], samples[samples.split == "test"]
    # The best baseline on validation is the reference; the test set does not choose it.
    reference = max(cfg.data.baselines, key=lambda name: metrics.roc_auc(val.label, val[name]))
    cost = cfg.data.cost
    chosen = {}  # two thresholds per model: for cost, and for the accuracy row of the table
    for name in models:
        y, p = val.label, val[name]
        cost_threshold = thresholds.min_cost(y, p, cost.miss, cost.false_positive)
        chosen[name] = (cost_threshold, thresholds.max_accuracy(y, p))

    def score(rows: pd.DataFrame, model: str) -> dict[str, float]:
        y, p = rows.label.to_numpy() > 0, rows[model].to_numpy()
        return classification_metrics(y, p, *chosen[model], cfg.data)

    # Paired: all models are scored on the same resamples of whole modules (and of trainings).
    comparison = Comparison(test, models, score, "block", n_boot=cfg.bootstrap, seed=cfg.seed)
    report = {
        "task": schema["task"],
        "data": schema["data"],
        "split": cfg.data.split,
        "n_test": len(test),
        "groups_test": comparison.n_groups,
        "threshold": chosen["network"][0],
        "baseline_name": reference,
        "members": comparison.spread("network", "auc"),
        "results": comparison.table(),
        **comparison.versus("network", TABLE),  # paired differences and their significance
        "slices": comparison.slices(list(cfg.data.slices), "auc"),
        # A cell design absent from training: one module is too few for an interval.
        "unseen": comparison.point_estimates(samples[samples.split == "unseen"]),
        # The baseline on both splits: by how much does the random one overstate?
        "leakage": comparison.leakage(samples, fitted, reference, [cfg.data.split, "random"]),
        "costs": thresholds.cost_table(val, test, ["network", reference, "constant"], cost.ratios),
        "calibration": metrics.calibration(test.label, test.network),
    }
    auc = report["results"]["network"]["auc"]["value"]
    ledger.record(
        LEDGER, stage="evaluate", model=Path("models/model.onnx"), data=cfg.data.sha256, score=auc
    )
    test.assign(row=test.index).to_parquet(PREDICTIONS, index=False)
    atomic_write(METRICS, json.dumps(report, indent=1) + "\n")


def add_predictions(
    samples: pd.DataFrame, predictor: Predictor, photos: np.ndarray, fitted, cfg: DictConfig
) -> pd.DataFrame:
    """The samples with a column of probabilities for each model."""
    held_out = np.flatnonzero(samples.split.isin(["val", "test", "unseen"]))
    # The network never predicts its own training photos here: thresholds would be too optimistic.
    _, _, members = predictor.model.run(photos[held_out])  # (n, members)
    samples = samples.join(metrics.member_columns("network", members, held_out))
    for name in cfg.data.baselines:
        samples[name] = fitted[f"{cfg.data.split}/{name}"]
    samples["constant"] = samples.label[samples.split == "train"].mean()
    return samples


def classification_metrics(
    y: np.ndarray, p: np.ndarray, cost_threshold: float, accuracy_threshold: float, data: DictConfig
) -> dict[str, float]:
    """The rows of the result table for one model; y (n,) True for a defect, p (n,) probability."""
    flagged = p >= cost_threshold
    return {
        "auc": metrics.roc_auc(y, p),
        "accuracy": np.mean((p >= accuracy_threshold) == y),
        "recall": metrics.mean_or_nan(flagged[y]),
        "precision": metrics.mean_or_nan(y[flagged]),
        "false_positive_rate": metrics.mean_or_nan(flagged[~y]),
        "recall_at_fpr": metrics.recall_at(y, p, MAX_FPR, "negatives"),
        "brier": np.mean((p - y) ** 2),
        "cost": 1000 * metrics.expected_cost(y, flagged, data.cost.miss, data.cost.false_positive),
    }


if __name__ == "__main__":
    main()
