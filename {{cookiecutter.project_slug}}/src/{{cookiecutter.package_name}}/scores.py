"""The arithmetic behind every number: metrics, thresholds, intervals."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from omegaconf import DictConfig

QUANTILES = (0.1, 0.5, 0.9)  # of a regression: the middle is the answer, the outer ones its 80% interval
# Of each task: what each metric is called, how it is written ("": three digits) and what is good.
METRICS = {
    "classification": {
        "auc": ("AUC", ".3f", "higher"),
        "accuracy": ("Accuracy", ".1%", "higher"),
        "recall": ("Found at the threshold", ".1%", "higher"),
        "false_alarm_rate": ("False alarms at the threshold", ".1%", "lower"),
        "recall_at_limit": ("Found within the limit", ".1%", "higher"),
        "brier": ("Brier score", ".3f", "lower"),
        "cost": ("Cost per 1,000", ",.0f", "lower"),
    },
    "regression": {
        "mae": ("Mean absolute error", "", "lower"),
        "rmse": ("Root mean square error", "", "lower"),
        "pinball": ("Pinball loss", "", "lower"),
        "coverage": ("Inside the 80% interval", ".1%", "near 80%"),
        "width": ("Width of the interval", "", "lower"),
        "cost": ("Cost", "", "lower"),
    },
}
FIRST = {"classification": "auc", "regression": "mae"}  # the metric of splits, slices and verdict


def score(rows: pd.DataFrame, name: str, data: DictConfig, at: dict[str, float] | None) -> dict[str, float]:
    """Every metric of the answers in column `name`; `at` holds thresholds, or nothing for a regression."""
    if at is None:
        low, high = rows[f"{name}_low"].to_numpy(), rows[f"{name}_high"].to_numpy()
        return regression(rows.label.to_numpy(), low, rows[name].to_numpy(), high, data.cost)
    return classification(rows.label.to_numpy() > 0, rows[name].to_numpy(), at, data)


def classification(y: np.ndarray, p: np.ndarray, at: dict[str, float], data: DictConfig) -> dict[str, float]:
    """Metrics of probabilities p (n,) for labels y (n,) of False and True, at the thresholds `at`."""
    flagged = p >= at["cost"]
    return {
        "auc": auc(y, p),
        "accuracy": np.mean((p >= at["accuracy"]) == y),
        "recall": np.mean(flagged[y]) if y.any() else np.nan,
        "false_alarm_rate": np.mean(flagged[~y]) if not y.all() else np.nan,
        "recall_at_limit": recall_at(y, p, data.limit) if y.any() and not y.all() else np.nan,
        "brier": np.mean((p - y) ** 2),
        "cost": 1000 * mean_cost(y, flagged, data.cost.miss, data.cost.false_alarm),
    }


def regression(
    y: np.ndarray, low: np.ndarray, middle: np.ndarray, high: np.ndarray, cost: DictConfig
) -> dict[str, float]:
    """Metrics of a forecast (n,) with its 80% interval, in units of the target."""
    over = [y - found for found in (low, middle, high)]
    lost = [np.maximum(q * e, (q - 1) * e).mean() for q, e in zip(QUANTILES, over, strict=True)]
    error = np.abs(over[1])
    return {
        "mae": error.mean(),
        "rmse": np.sqrt(np.square(error).mean()),
        "pinball": np.mean(lost),
        "coverage": np.mean((low <= y) & (y <= high)),
        "width": np.mean(high - low),
        "cost": cost.error * error.mean(),
    }


def named(data: DictConfig, task: str) -> dict[str, str]:
    """What conf/data calls the metrics that depend on its prices and limits."""
    names = {"cost": data.cost.name}
    return {**names, "recall_at_limit": data.limit.name} if task == "classification" else names


def first(rows: pd.DataFrame, names: list[str], task: str) -> dict[str, dict[str, float]]:
    """For `bootstrap`: the first metric of the task for each named column."""
    if task == "regression":
        return {n: {"mae": float((rows.label - rows[n]).abs().mean())} for n in names}
    return {n: {"auc": auc(rows.label.to_numpy() > 0, rows[n].to_numpy())} for n in names}


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Share of pairs of a positive and a negative in order, ties half (Hanley and McNeil 1982), or NaN."""
    # Far faster than scikit-learn's; an interval asks for it a thousand times.
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place][y]
    pairs = len(rank) * (len(y) - len(rank))
    return float((rank.sum() - len(rank) * (len(rank) + 1) / 2) / pairs) if pairs else np.nan


def recall_at(y: np.ndarray, p: np.ndarray, limit: DictConfig) -> float:
    """Share of positives found when the limit's share of negatives, or of all samples, is flagged.

    Of samples tied at the cut, as many are flagged as the limit has room for, drawn at random.
    """
    among = p[~y] if limit.of == "negatives" else p
    room = limit.share * len(among)
    cut = np.sort(among)[::-1][min(len(among) - 1, int(room))]
    tied = np.clip((room - np.sum(among > cut)) / np.sum(among == cut), 0, 1)
    return float(np.mean(p[y] > cut) + tied * np.mean(p[y] == cut))


def mean_cost(y: np.ndarray, flagged: np.ndarray, miss: float, false_alarm: float) -> float:
    """Cost of a sample on average, in the units of conf/data."""
    return float(miss * np.mean(y & ~flagged) + false_alarm * np.mean(~y & flagged))


def thresholds(label: pd.Series, p: pd.Series, miss: float, false_alarm: float) -> dict[str, float]:
    """The thresholds that cost least and that are right most often, on validation."""
    y, p = label.to_numpy() > 0, p.to_numpy()
    order = np.argsort(p, kind="stable")
    values, starts = np.unique(p[order], return_index=True)
    found = np.concatenate([[0], np.cumsum(y[order])])[np.append(starts, len(y))]  # positives below
    below = np.append(starts, len(y))
    middle = (values[1:] + values[:-1]) / 2
    middle = np.where(middle > values[:-1], middle, values[1:])  # neighbours have none
    tried = np.concatenate([[0.0], middle, np.maximum(1, np.nextafter(values[-1:], 2))])
    alarms = (len(y) - below) - (y.sum() - found)
    lost = miss * found + false_alarm * alarms
    return {"cost": float(tried[np.argmin(lost)]), "accuracy": float(tried[np.argmin(found + alarms)])}


def tradeoff(rows: pd.DataFrame, task: str) -> dict[str, list[float]]:
    """What network and baseline give on 1, 2, ... 100% of the samples.

    Of a classification: the share of positives among the most suspect samples; where samples tie, the
    one to expect. Of a regression: the mean absolute error where the network's interval is narrowest.
    """
    taken = (np.arange(1, 101) * len(rows) - 1) // 100  # the last of each, rounded up
    found = {}
    for name in ("network", "baseline"):
        if task == "regression":
            order = np.argsort(rows.network_high - rows.network_low, kind="stable")
            error = (rows.label - rows[name]).abs().to_numpy()[order]
            curve = np.cumsum(error) / np.arange(1, len(rows) + 1)
        else:
            positive = (rows.label > 0).groupby(rows[name]).transform("mean")
            curve = np.cumsum(positive.to_numpy()[np.argsort(-rows[name], kind="stable")])
            curve /= max(curve[-1], 1)
        found[name] = [float(f"{value:.4g}") for value in curve[taken]]
    return found


def bootstrap(
    scores: Callable[[pd.DataFrame], dict], rows: pd.DataFrame, draws: int, seed: int, by: str = "group"
) -> dict:
    """Value and 95% interval of everything `scores(rows)` returns, resampling whole groups."""
    rng = np.random.default_rng(seed)
    rows = rows.reset_index(drop=True)
    members = list(rows.groupby(by).indices.values())
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


def calibration(rows: pd.DataFrame, name: str, task: str, bins: int) -> dict:
    """Promised and observed shares, and their mean gap.

    Of a classification: mean probability and share of positives in bins of equal size (ECE). Of a
    regression: each quantile and the share of targets below it.
    """
    label = rows.label.to_numpy()
    if task == "regression":
        ends = [rows[c].to_numpy() for c in (f"{name}_low", name, f"{name}_high")]
        mean, share = list(QUANTILES), [float(np.mean(label <= end)) for end in ends]
        weight = [1 / 3] * 3
    else:
        p = rows[name].to_numpy()
        groups = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
        mean = [float(p[g].mean()) for g in groups]
        share = [float(label[g].mean()) for g in groups]
        weight = [len(g) / len(p) for g in groups]
    gap = sum(w * abs(m - s) for w, m, s in zip(weight, mean, share, strict=True))
    found = {"promised": np.round(mean, 4).tolist(), "observed": np.round(share, 4).tolist()}
    return {**found, "gap": round(gap, 4)}
