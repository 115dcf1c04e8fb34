"""The one look at the test set: models/model.onnx -> reports/ (`dvc repro evaluate`).

Thresholds come from validation, intervals from resampling whole groups, and the baseline and the
trivial answer go through the same code. Each look is appended to reports/test_ledger.jsonl.
"""

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from sklearn.metrics import roc_auc_score

from . import batches, config, predict

METRICS = Path("reports/metrics.json")
LEDGER = Path("reports/test_ledger.jsonl")
PREDICTIONS = Path("models/predictions.parquet")


@config.main
def main(cfg: DictConfig) -> None:
    """Scores network, baseline and trivial answer on the test part and writes reports/."""
    METRICS.parent.mkdir(exist_ok=True)
    x, _, samples = batches.read()
    part = samples[cfg.data.split]
    p = pd.read_parquet("models/baseline.parquet")[[cfg.data.split]].set_axis(["baseline"], axis=1)
    p["trivial"] = samples.label[part == "train"].mean()
    used = np.flatnonzero(part != "train")
    p.loc[used, "network"] = predict.Model()(x[used])[0]
    samples = samples.join(p)

    val, test = samples[part == "val"], samples[part == "test"]
    at = {name: thresholds(val.label, val[name], cfg.data.cost) for name in p}
    report = compare(test, at, cfg)
    report["unseen"] = unseen(samples[part == "unseen"], at, cfg)
    everything = samples[part.isin(["test", "unseen"])]
    with_unseen = bootstrap(auc_difference, everything, cfg.bootstrap, cfg.seed)
    report["difference_with_unseen"] = with_unseen["difference"]["auc"]
    report["leak"] = leak(samples, cfg)
    report["slices"] = slices(test, at, cfg)
    report["costs"] = costs(val, test, cfg)
    report["calibration"] = calibration(test.label, test.network, cfg.bins)

    look("evaluate", "models/model.onnx", report["test"]["auc"]["value"])
    test.assign(row=test.index).to_parquet(PREDICTIONS, index=False)
    write_json(METRICS, report)


def compare(test: pd.DataFrame, at: dict, cfg: DictConfig) -> dict:
    """Metrics of all three on the same test samples, and the paired difference, with intervals."""

    def scores(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
        found = {n: score(rows.label, rows[n], at[n], cfg.data.cost) for n in at}
        pairs = zip(found["network"].items(), found["baseline"].values(), strict=True)
        return {**found, "difference": {key: ours - theirs for (key, ours), theirs in pairs}}

    found = bootstrap(scores, test, cfg.bootstrap, cfg.seed)
    return {
        "task": cfg.data.task,
        "split": cfg.data.split,
        "n_test": len(test),
        "groups_test": int(test.group.nunique()),
        "threshold": at["network"]["cost"],
        "test": found["network"],
        "baseline": found["baseline"],
        "trivial": found["trivial"],
        "difference": found["difference"],
    }


def score(label: pd.Series, p: pd.Series, at: dict[str, float], cost: DictConfig) -> dict:
    """Metrics of probabilities p (n,) for labels (n,) of 0 and 1, at the thresholds `at`."""
    y, p = label.to_numpy(bool), p.to_numpy()
    flagged = p >= at["cost"]
    both = y.any() and not y.all()
    return {
        "auc": roc_auc_score(y, p) if both else np.nan,
        "accuracy": np.mean((p >= at["accuracy"]) == y),
        "recall": np.mean(flagged[y]) if y.any() else np.nan,
        "false_alarm_rate": np.mean(flagged[~y]) if not y.all() else np.nan,
        "recall_at_10": recall_at(y, p, 0.10) if both else np.nan,
        "brier": np.mean((p - y) ** 2),
        "cost_per_1000": 1000 * mean_cost(y, flagged, cost.miss, cost.false_alarm),
    }


def recall_at(y: np.ndarray, p: np.ndarray, false_alarms: float) -> float:
    """Share of positives found when this share of negatives is flagged."""
    return float(np.mean(p[y] > np.quantile(p[~y], 1 - false_alarms)))


def mean_cost(y: np.ndarray, flagged: np.ndarray, miss: float, false_alarm: float) -> float:
    """Cost of a sample on average, in the units of conf/data."""
    return float(miss * np.mean(y & ~flagged) + false_alarm * np.mean(~y & flagged))


def thresholds(label: pd.Series, p: pd.Series, cost: DictConfig) -> dict[str, float]:
    """The thresholds that cost least and that are right most often, on validation."""
    y, p = label.to_numpy(bool), p.to_numpy()
    tried = np.concatenate([[0.0], (np.unique(p)[1:] + np.unique(p)[:-1]) / 2, [1.0]])
    lost = [mean_cost(y, p >= t, cost.miss, cost.false_alarm) for t in tried]
    right = [np.mean((p >= t) == y) for t in tried]
    return {"cost": float(tried[np.argmin(lost)]), "accuracy": float(tried[np.argmax(right)])}


def bootstrap(scores, rows: pd.DataFrame, draws: int, seed: int) -> dict:
    """Value and 95% interval of everything `scores(rows)` returns, resampling whole groups."""
    rng = np.random.default_rng(seed)
    rows = rows.reset_index(drop=True)
    members = list(rows.groupby("group").indices.values())
    drawn = []
    for _ in range(draws):
        chosen = rng.integers(len(members), size=len(members))
        drawn.append(scores(rows.iloc[np.concatenate([members[i] for i in chosen])]))
    return {
        name: {key: interval(value, [d[name][key] for d in drawn]) for key, value in found.items()}
        for name, found in scores(rows).items()
    }


def interval(value: float, drawn: list[float]) -> dict[str, float]:
    """A metric as value, low and high end of its 95% percentile interval."""
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {"value": round(float(value), 6), "low": round(float(low), 6), "high": round(float(high), 6)}


def auc_of(names: list[str]):
    """Scores for `bootstrap`: the AUC of each named column."""

    def scores(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
        both = rows.label.nunique() == 2
        return {n: {"auc": roc_auc_score(rows.label, rows[n]) if both else np.nan} for n in names}

    return scores


def auc_difference(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Scores for `bootstrap`: the AUC of network and baseline and their paired difference."""
    auc = auc_of(["network", "baseline"])(rows)
    return {**auc, "difference": {"auc": auc["network"]["auc"] - auc["baseline"]["auc"]}}


def leak(samples: pd.DataFrame, cfg: DictConfig) -> dict:
    """AUC of the baseline and the quick network on each split: what a random split flatters by."""
    found: dict = {}
    runs = {
        n: pd.read_parquet(f"models/{f}.parquet") for n, f in (("baseline", "baseline"), ("frozen", "leak"))
    }
    for split in runs["frozen"]:
        test = samples[(samples[split] == "test") & ~samples.group.isin(cfg.data.unseen)]
        test = test.drop(columns=["baseline"])
        test = test.assign(**{name: run.loc[test.index, split] for name, run in runs.items()})
        found[split] = bootstrap(auc_of(list(runs)), test, cfg.bootstrap, cfg.seed)
        look(f"leak, {split} split", "models/leak.parquet", found[split]["frozen"]["auc"]["value"])
    return found


def unseen(rows: pd.DataFrame, at: dict, cfg: DictConfig) -> dict:
    """Metrics on what differs in kind from all training data; too few groups for an interval."""
    if rows.empty:
        return {}
    found = {name: score(rows.label, rows[name], at[name], cfg.data.cost) for name in at}
    known = {n: {k: round(float(v), 6) for k, v in m.items() if v == v} for n, m in found.items()}
    return {"n": len(rows), **known}


def slices(test: pd.DataFrame, at: dict, cfg: DictConfig) -> dict:
    """AUC of network and baseline within each slice of the test part."""
    found = {}
    for column in cfg.data.slices:
        for value, rows in test.groupby(column):
            if rows.label.nunique() < 2:  # nothing to rank
                continue
            auc = bootstrap(auc_of(["network", "baseline"]), rows, cfg.bootstrap // 2, cfg.seed)
            found[str(value)] = {
                "n": len(rows),
                "positive": int(rows.label.sum()),
                "network": auc["network"]["auc"],
                "baseline": auc["baseline"]["auc"],
            }
    return found


def costs(val: pd.DataFrame, test: pd.DataFrame, cfg: DictConfig) -> list[dict[str, float]]:
    """Cost per 1,000 samples for each assumed ratio of a miss to a false alarm."""
    rows = []
    for ratio in cfg.data.cost.ratios:
        row = {"ratio": ratio}
        for name in ("network", "baseline", "trivial"):
            t = thresholds(val.label, val[name], DictConfig({"miss": ratio, "false_alarm": 1}))
            y, flagged = test.label.to_numpy(bool), test[name].to_numpy() >= t["cost"]
            row[name] = round(1000 * mean_cost(y, flagged, ratio, 1), 1)
        rows.append(row)
    return rows


def calibration(label: pd.Series, p: pd.Series, bins: int) -> dict:
    """Mean probability and share of positives in bins of equal size, and their mean gap (ECE)."""
    groups = np.array_split(np.argsort(p.to_numpy(), kind="stable"), bins)
    mean = [float(p.iloc[g].mean()) for g in groups]
    share = [float(label.iloc[g].mean()) for g in groups]
    weight = [len(g) / len(p) for g in groups]
    gap = sum(w * abs(m - s) for w, m, s in zip(weight, mean, share, strict=True))
    return {
        "probability": np.round(mean, 4).tolist(),
        "share": np.round(share, 4).tolist(),
        "ece": round(gap, 4),
    }


def look(stage: str, model: Path | str, auc: float) -> None:
    """Appends one line to the ledger: when, at which commit, which model, what was seen."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": git.stdout.strip() or None,
        "stage": stage,
        "model": hashlib.sha256(Path(model).read_bytes()).hexdigest()[:12],
        "auc": auc,
    }
    with LEDGER.open("a") as ledger:
        ledger.write(json.dumps(line) + "\n")


def write_json(path: Path, value: dict) -> None:
    """Writes under another name first, so that no half of it is ever read."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(value, indent=1) + "\n", newline="\n")
    config.replace(new, path)


if __name__ == "__main__":
    main()
