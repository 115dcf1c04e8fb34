"""Trains the network again on other splits: `heldout crossvalidate` and `heldout leakage`.

Both evaluate on test data, so each result gets a line in reports/test_ledger.jsonl.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from sklearn.metrics import mean_absolute_error

from . import config, ledger, metrics, splits
from .cli import project_function
from .comparison import Comparison
from .errors import InputError, atomic_write
from .onnx import load_metrics

PREPARED, LEDGER = Path("data/prepared"), Path("reports/test_ledger.jsonl")
MODELS = ["network", "baseline"]


def main(words: Sequence[str]) -> None:
    """Writes reports/crossvalidation-MODEL.json: network, baseline and their difference.

    By group, each sample is tested once, by a network trained on other groups. By time, each block
    but the first two is tested by a network trained on earlier ones. Slow: one training per fold.
    """
    cfg, (samples, schema) = compose(words), load_samples()
    columns = {"groups": samples.group, "labels": samples.label, "task": schema["task"]}
    columns |= {"end": samples.get("end"), "start": samples.get("start")}
    keep_groups = bool(cfg.data.get("keep_groups_whole"))
    folds = splits.folds(cfg.data.split, cfg.folds, cfg.seed, keep_groups=keep_groups, **columns)
    stage = f"crossvalidate, {cfg.model.name}"
    results = {"folds": cfg.folds, **evaluate(cfg, folds, stage)}
    path = Path(f"reports/crossvalidation-{cfg.model.name}.json")
    write_report(path, results, {stage: results}, cfg)


def leakage(words: Sequence[str]) -> None:
    """Writes reports/leakage.json: network and baseline trained and tested on each split strategy.

    A higher score on the random split is leakage between related samples. Trains model=frozen, the
    fast one, unless another is named.
    """
    if not any(word.startswith("model=") for word in words):
        words = ["model=frozen", *words]
    cfg, (samples, _) = compose(words), load_samples()
    results, evaluations = {}, {}
    for strategy in dict.fromkeys([cfg.data.split, "random"]):
        # groups that are held out from every split would make the random test set another one
        split = samples[strategy].mask(samples[cfg.data.split] == "unseen", "unseen").to_numpy()
        stage = f"leakage, {strategy} split"
        evaluations[stage] = results[strategy] = evaluate(cfg, [split], stage)
    write_report(Path("reports/leakage.json"), results, evaluations, cfg)


def compose(words: Sequence[str]) -> DictConfig:
    """The configuration with these overrides, checked, and without a logger."""
    cfg = config.compose(*words)
    config.check(cfg, config.project_root())
    cfg.logger = []
    return cfg


def load_samples() -> tuple[pd.DataFrame, dict]:
    """samples.parquet and schema.json of the prepared data."""
    try:
        schema = json.loads((PREPARED / "schema.json").read_text(encoding="utf-8"))
        return pd.read_parquet(PREPARED / "samples.parquet"), schema
    except (OSError, ValueError):
        raise InputError(f"{PREPARED}: missing or damaged; run `uv run dvc repro`") from None


def evaluate(cfg: DictConfig, folds: Sequence[np.ndarray], stage: str) -> dict:
    """Trains on each split (n,), and tests both models on the test samples of all splits.

    Prints and returns their metric and its difference, with 95% intervals.
    """
    (samples, schema), tested = load_samples(), []
    for number, split in enumerate(folds, 1):
        tested.append(predict_test(cfg, samples, split))
        print(f"{stage}, fold {number} of {len(folds)}: {len(tested[-1])} samples", flush=True)
    rows, name, score = pd.concat(tested), "mae", mean_absolute_error
    if schema["task"] == "classification":
        name, score = "auc", metrics.roc_auc

    def measure(some: pd.DataFrame, model: str) -> dict[str, float]:
        return {name: score(some.label, some[model])}

    comparison = Comparison(rows, MODELS, measure, "block", n_boot=cfg.bootstrap, seed=cfg.seed)
    results = {model: table[name] for model, table in comparison.table().items()}
    results["difference"] = comparison.difference(*MODELS)[name]
    for model, result in results.items():
        interval = f"{result['value']:.3f} ({result['low']:.3f} to {result['high']:.3f})"
        print(f"{model:<11} {name.upper()} {interval}")
    return {**results, "n": len(rows), "metric": name}


def predict_test(cfg: DictConfig, samples: pd.DataFrame, split: np.ndarray) -> pd.DataFrame:
    """Fits network and baseline on split (n,) == "train"; rows of "test" with their predictions."""
    rows, out = np.flatnonzero(split == "test"), Path("runs/evaluation")
    project_function("fit")(cfg, split, out)
    name = load_metrics()["baseline_name"]
    predictions = {
        "network": project_function("predict")(out / "best.ckpt", rows),
        "baseline": project_function("baseline")(cfg, name, split, rows),
    }
    table = samples.iloc[rows][["label", "block"]]
    for model, values in predictions.items():
        if not np.isfinite(values).all():
            raise InputError(f"{model}: a prediction is not finite; use a smaller learning rate")
        # of quantiles (k, 3), the median counts
        table = table.assign(**{model: values if values.ndim == 1 else values[:, 1]})
    return table


def write_report(path: Path, results: dict, evaluations: dict[str, dict], cfg: DictConfig) -> None:
    """Writes the results as JSON, and a line of the ledger for each {stage: comparison}."""
    results = {**results, "model": cfg.model.name, "data": load_samples()[1].get("data")}
    atomic_write(path, json.dumps(results, indent=1) + "\n")
    for stage, result in evaluations.items():
        score = result["network"]["value"]
        ledger.record(LEDGER, stage=stage, model=path, data=cfg.data.sha256, score=score)
    print(f"{path}: written, counts as a test evaluation; next: uv run dvc repro report")
