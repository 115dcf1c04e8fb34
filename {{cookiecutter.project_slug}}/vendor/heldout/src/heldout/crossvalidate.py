"""Trains the network again on other splits: `heldout crossvalidate` and `heldout leakage`.

Both evaluate on test data, so each result gets a line in reports/test_ledger.jsonl.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

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
    cfg = compose(words)
    samples, schema = load_samples()
    columns = {"groups": samples.group, "labels": samples.label, "task": schema["task"]}
    columns |= {"end": samples.get("end"), "start": samples.get("start")}
    keep_groups = bool(cfg.data.get("keep_groups_whole"))
    folds = splits.folds(cfg.data.split, cfg.folds, cfg.seed, keep_groups=keep_groups, **columns)
    tested = []
    for fold, split in enumerate(folds):
        tested.append(predict_test(cfg, samples, split, Path("runs/crossvalidate", str(fold))))
        print(f"fold {fold + 1} of {len(folds)}: {len(tested[-1])} samples tested", flush=True)
    rows = pd.concat(tested)
    results = {"folds": cfg.folds, "n": len(rows), "model": cfg.model.name}
    results |= {**compare(rows, cfg, schema), "data": schema.get("data")}
    path = Path(f"reports/crossvalidation-{cfg.model.name}.json")
    write_report(path, results, {f"crossvalidate, {cfg.model.name}": results}, cfg)


def leakage(words: Sequence[str]) -> None:
    """Writes reports/leakage.json: network and baseline trained and tested on each split strategy.

    A higher score on the random split is leakage between related samples. Trains model=frozen, the
    fast one, unless another is named.
    """
    if not any(word.startswith("model=") for word in words):
        words = ["model=frozen", *words]
    cfg = compose(words)
    samples, schema = load_samples()
    path, results = Path("reports/leakage.json"), {}
    for strategy in dict.fromkeys([cfg.data.split, "random"]):
        # groups that are held out from every split would make the random test set another one
        split = samples[strategy].mask(samples[cfg.data.split] == "unseen", "unseen").to_numpy()
        rows = predict_test(cfg, samples, split, Path("runs/leakage", strategy))
        print(f"{strategy} split:")
        results[strategy] = compare(rows, cfg, schema)
    evaluations = {f"leakage, {strategy} split": results[strategy] for strategy in results}
    about = {"model": cfg.model.name, "data": schema.get("data")}
    write_report(path, results | about, evaluations, cfg)


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


def predict_test(
    cfg: DictConfig, samples: pd.DataFrame, split: np.ndarray, out: Path
) -> pd.DataFrame:
    """Fits network and baseline on split (n,) == "train"; rows of "test" with their predictions."""
    rows = np.flatnonzero(split == "test")
    project_function("fit")(cfg, split, out)
    name = load_metrics()["baseline_name"]
    predictions = {
        "network": project_function("predict")(out / "best.ckpt", rows),
        "baseline": project_function("baseline")(cfg, name, split, rows),
    }
    table = samples.iloc[rows][["label", "block"]]
    for model, values in predictions.items():
        values = np.asarray(values)
        if not np.isfinite(values).all():
            raise InputError(f"{model}: a prediction is not finite; use a smaller learning rate")
        # of quantiles (k, 3), the median counts
        table = table.assign(**{model: values if values.ndim == 1 else values[:, 1]})
    return table


def compare(rows: pd.DataFrame, cfg: DictConfig, schema: dict) -> dict:
    """Prints and returns the metric of both models and their difference, with 95% intervals."""
    is_classification = schema["task"] == "classification"
    name = "auc" if is_classification else "mae"

    def measure(some: pd.DataFrame, model: str) -> dict[str, float]:
        if is_classification:
            return {name: metrics.roc_auc(some.label, some[model])}
        return {name: float((some.label - some[model]).abs().mean())}

    comparison = Comparison(rows, MODELS, measure, "block", n_boot=cfg.bootstrap, seed=cfg.seed)
    results = {model: table[name] for model, table in comparison.table().items()}
    results["difference"] = comparison.difference(*MODELS)[name]
    for model, result in results.items():
        interval = f"{result['value']:.3f} ({result['low']:.3f} to {result['high']:.3f})"
        print(f"{model:<11} {name.upper()} {interval}")
    return {**results, "metric": name}


def write_report(path: Path, results: dict, evaluations: dict[str, dict], cfg: DictConfig) -> None:
    """Writes the results as JSON, and a line of the ledger for each {name: comparison}."""
    path.parent.mkdir(exist_ok=True)
    atomic_write(path, json.dumps(results, indent=1) + "\n")
    for stage, result in evaluations.items():
        score = result["network"]["value"]
        ledger.record(LEDGER, stage=stage, model=path, data=cfg.data.sha256, score=score)
    print(f"{path}: written, counts as a test evaluation; next: uv run dvc repro report")
