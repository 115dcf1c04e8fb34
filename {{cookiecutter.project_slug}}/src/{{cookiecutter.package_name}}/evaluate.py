"""The test set is looked at here: models/model.onnx -> reports/ (`dvc repro evaluate`).

Thresholds come from validation, intervals from resampling whole groups, and the baselines and the
trivial answer go through the same code. Each look is appended to reports/test_ledger.jsonl.
"""

import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from . import baseline, config, dataset, predict, scores

METRICS = Path("reports/metrics.json")
LEDGER = Path("reports/test_ledger.jsonl")
PREDICTIONS = Path("models/predictions.parquet")


@config.main
def main(cfg: DictConfig) -> None:
    """Scores network, baselines and trivial answer on the test part and writes reports/."""
    METRICS.parent.mkdir(exist_ok=True)
    x, y, samples, schema = dataset.read()
    dataset.belongs("models/model.onnx", predict.Model().schema, schema)
    task = schema["task"]
    part = samples[cfg.data.split]
    samples = samples.join(answers(x, y, part, cfg, task))
    val, test = samples[part == "val"], samples[part == "test"]
    names = baseline.names(cfg, task)
    best = better(val, names, task)
    everyone = ["network", *names, "trivial"]
    at = {n: limits(val, n, cfg) if task == "classification" else None for n in everyone}
    report = {**compare(test, at, best, cfg, task), "data": schema.get("data")}
    report["unseen"] = unseen(samples[part == "unseen"], at, cfg)
    both = samples[part.isin(["test", "unseen"])]
    report["difference_with_unseen"] = paired(both, best, cfg, task)["difference"]
    report["leak"] = leak(samples, best, cfg, task)
    report["slices"] = slices(test, best, cfg, task)
    report["costs"] = costs(val, test, best, cfg) if task == "classification" else []
    report["calibration"] = scores.calibration(test, "network", task, cfg.bins)
    look(cfg, "evaluate", "models/model.onnx", report["test"][scores.FIRST[task]]["value"])
    test.assign(row=test.index).rename(columns={best: "baseline"}).to_parquet(PREDICTIONS, index=False)
    write_json(METRICS, report)


def answers(x: np.ndarray, y: np.ndarray, part: pd.Series, cfg: DictConfig, task: str) -> pd.DataFrame:
    """A column, or three of a regression, for network (outside training), baselines and trivial."""
    every = pd.read_parquet("models/baseline.parquet")
    prefix = f"{cfg.data.split}/"
    found = every[[c for c in every if c.startswith(prefix)]]
    found = found.rename(columns=lambda column: column.removeprefix(prefix))
    seen = y[part == "train"]
    constant = seen.mean() if task == "classification" else np.quantile(seen, scores.QUANTILES)
    trivial = np.broadcast_to(constant, (len(y), *np.shape(constant)))
    used = np.flatnonzero(part.isin(["val", "test", "unseen"]))
    network = baseline.columns("network", predict.Model()(x[used]), part.index[used])
    return found.join(baseline.columns("trivial", trivial, part.index)).join(network)


def better(val: pd.DataFrame, names: list[str], task: str) -> str:
    """The baseline with the best first metric on validation."""
    found, metric = scores.first(val, names, task), scores.FIRST[task]
    return (max if task == "classification" else min)(names, key=lambda name: found[name][metric])


def limits(val: pd.DataFrame, name: str, cfg: DictConfig) -> dict[str, float]:
    """Thresholds of the probabilities in column `name`, on validation, at the prices of conf/data."""
    return scores.thresholds(val.label, val[name], cfg.data.cost.miss, cfg.data.cost.false_alarm)


def compare(test: pd.DataFrame, at: dict, best: str, cfg: DictConfig, task: str) -> dict:
    """Metrics of all on the same test samples, and the paired differences, with intervals."""
    others = [name for name in at if name != "network"]

    def all_scores(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
        found = {n: scores.score(rows, n, cfg.data, at[n]) for n in at}
        for other in others:
            pairs = zip(found["network"].items(), found[other].values(), strict=True)
            found[f"minus {other}"] = {key: ours - theirs for (key, ours), theirs in pairs}
        return found

    found = scores.bootstrap(all_scores, test, cfg.bootstrap, cfg.seed, cfg.data.resample)
    return {
        "task": task,
        "split": cfg.data.split,
        "names": scores.named(cfg.data, task),
        "n_test": len(test),
        "groups_test": int(test[cfg.data.resample].nunique()),
        "threshold": at["network"] and at["network"]["cost"],
        "test": found["network"],
        "baseline_name": best,
        "baseline": found[best],
        "baselines": {name: found[name] for name in others if name != "trivial"},
        "trivial": found["trivial"],
        "difference": found[f"minus {best}"],
        "differences": {name: found[f"minus {name}"] for name in others},
    }


def paired(rows: pd.DataFrame, other: str, cfg: DictConfig, task: str) -> dict:
    """First metric of the network, of column `other`, and their paired difference, with intervals."""
    metric = scores.FIRST[task]

    def both(some: pd.DataFrame) -> dict[str, dict[str, float]]:
        each = scores.first(some, ["network", other], task)
        return {**each, "difference": {metric: each["network"][metric] - each[other][metric]}}

    kept = rows[["label", "network", other, cfg.data.resample]]
    found = scores.bootstrap(both, kept, cfg.bootstrap, cfg.seed, cfg.data.resample)
    return {name: metrics[metric] for name, metrics in found.items()}


def leak(samples: pd.DataFrame, best: str, cfg: DictConfig, task: str) -> dict:
    """First metric of the baseline and the quick network on each split: what a random split flatters by."""
    found: dict = {}
    every = pd.read_parquet("models/baseline.parquet")
    quick = pd.read_parquet("models/leak.parquet")
    apart = samples.group.astype(str).isin([*map(str, cfg.data.unseen)])
    for split in quick:
        test = samples[(samples[split] == "test") & ~apart]
        test = test.assign(baseline=every[f"{split}/{best}"], network=quick[split])
        each = paired(test, "baseline", cfg, task)
        found[split] = {"baseline": each["baseline"], "frozen": each["network"]}
        look(cfg, f"leak, {split} split", "models/leak.parquet", each["network"]["value"])
    return found


def unseen(rows: pd.DataFrame, at: dict, cfg: DictConfig) -> dict:
    """Metrics on what differs in kind from all training data; too few groups for an interval."""
    if rows.empty:
        return {}
    found = {name: scores.score(rows, name, cfg.data, at[name]) for name in at}
    known = {n: {k: round(float(v), 6) for k, v in m.items() if v == v} for n, m in found.items()}
    return {"n": len(rows), **known}


def slices(test: pd.DataFrame, best: str, cfg: DictConfig, task: str) -> dict:
    """First metric of network and baseline within each slice of the test part."""
    found = {}
    parts = [(column, *part) for column in cfg.data.slices for part in test.groupby(column)]
    for column, value, rows in parts or [("", "all", test)]:
        if task == "classification" and rows.label.nunique() < 2:  # nothing to rank
            continue
        each = paired(rows, best, cfg, task)
        found[f"{column} {value}" if str(value) in found else str(value)] = {
            "n": len(rows),
            "mean": round(float(rows.label.mean()), 4),
            "network": each["network"],
            "baseline": each[best],
        }
    return found


def costs(val: pd.DataFrame, test: pd.DataFrame, best: str, cfg: DictConfig) -> list[dict[str, float]]:
    """Cost per 1,000 samples for each assumed ratio of a miss to a false alarm."""
    rows = []
    for ratio in cfg.data.cost.ratios:
        row = {"ratio": ratio}
        for name, column in {"network": "network", "baseline": best, "trivial": "trivial"}.items():
            t = scores.thresholds(val.label, val[column], ratio, 1)
            y, flagged = test.label.to_numpy() > 0, test[column].to_numpy() >= t["cost"]
            row[name] = round(1000 * scores.mean_cost(y, flagged, ratio, 1), 1)
        rows.append(row)
    return rows


def look(cfg: DictConfig, stage: str, model: Path | str, score: float) -> None:
    """Appends one line to the ledger: when, at which commit, which data and model, what was seen."""
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = shutil.which("git") and subprocess.run(head, capture_output=True, text=True).stdout.strip()
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit or None,
        "data": cfg.data.sha256,
        "stage": stage,
        "model": hashlib.sha256(Path(model).read_bytes()).hexdigest()[:12],
        "score": score,
    }
    with LEDGER.open("a", encoding="utf-8", newline="\n") as ledger:
        ledger.write(json.dumps(line) + "\n")


def looks(cfg: DictConfig) -> int:
    """How often the test part of this data was looked at."""
    try:
        lines = [json.loads(line)["data"] for line in LEDGER.read_text(encoding="utf-8").splitlines()]
    except (ValueError, KeyError, TypeError):
        raise config.BadInput(f"{LEDGER}: damaged; bring it back with `git restore {LEDGER}`") from None
    return lines.count(cfg.data.sha256)


def write_json(path: Path, value: dict) -> None:
    """Writes a value as JSON."""
    config.write(path, json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
