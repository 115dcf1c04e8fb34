"""Metrics of labels y (n,), probabilities p (n,) and quantiles (n, k); NaN where undefined."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

QUANTILES = (0.1, 0.5, 0.9)  # of a regression: the median and the ends of the 80% interval


def roc_auc(y: ArrayLike, p: ArrayLike) -> float:
    """Share of pairs of a positive and a negative in order, ties half (Hanley and McNeil 1982).

    The same as scikit-learn's, but faster: a bootstrap asks for it a thousand times.
    """
    y = np.asarray(y) > 0
    _, position, count = np.unique(np.asarray(p), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[position][y]
    n_pairs = len(ranks) * (len(y) - len(ranks))
    if n_pairs == 0:
        return float("nan")
    return float((ranks.sum() - len(ranks) * (len(ranks) + 1) / 2) / n_pairs)


def recall_at(y: ArrayLike, p: ArrayLike, share: float, of: str = "all") -> float:
    """Recall if the `share` of "all" samples, or of "negatives", with the highest p is flagged.

    The share of negatives is a false positive rate. Samples that tie at the cut are flagged at
    random as far as there is room; the result is the expected recall.
    """
    y, p = np.asarray(y) > 0, np.asarray(p)
    if y.all() or not y.any():
        return float("nan")
    counted = p[~y] if of == "negatives" else p
    room = share * len(counted)
    cut = np.sort(counted)[::-1][min(len(counted) - 1, int(room))]
    tied = np.clip((room - np.sum(counted > cut)) / np.sum(counted == cut), 0, 1)
    return float(np.mean(p[y] > cut) + tied * np.mean(p[y] == cut))


def expected_cost(y: ArrayLike, flagged: ArrayLike, miss: float, false_positive: float) -> float:
    """Mean cost of a sample; `miss` and `false_positive` are the costs of the two errors."""
    y, flagged = np.asarray(y) > 0, np.asarray(flagged, dtype=bool)
    return float(miss * np.mean(y & ~flagged) + false_positive * np.mean(~y & flagged))


def pinball(y: ArrayLike, quantiles: ArrayLike, levels: Sequence[float] = QUANTILES) -> float:
    """Mean pinball loss of quantiles (n, k) predicted at k levels, in units of y."""
    losses = []
    for level, quantile in zip(levels, np.asarray(quantiles).T, strict=True):
        error = np.asarray(y) - quantile
        losses.append(np.mean(np.maximum(level * error, (level - 1) * error)))
    return float(np.mean(losses))


def coverage(y: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Share of y within the intervals from `low` (n,) to `high` (n,), ends included."""
    return float(np.mean((low <= y) & (y <= high)))


def conformal_margin(y: ArrayLike, low: ArrayLike, high: ArrayLike, level: float = 0.8) -> float:
    """What to subtract from `low` and add to `high` so that intervals cover `level` of new y.

    y, low and high (n,) are of validation data; a negative margin narrows intervals. For data like
    these the coverage is at least `level` (conformalized quantile regression, Romano et al. 2019).
    """
    y = np.asarray(y)
    excess = np.sort(np.maximum(np.asarray(low) - y, y - np.asarray(high)))
    rank = int(np.ceil((len(y) + 1) * level))
    return float(excess[min(rank, len(y)) - 1])


def calibrate_intervals(table: pd.DataFrame, rows: ArrayLike, models: Sequence[str]) -> None:
    """Widens columns `MODEL_low` and `MODEL_high` until 80% of the labels of `rows` lie within.

    rows: a mask (n,) of validation data; see `conformal_margin`
    """
    val = table[rows]
    for model in models:
        margin = conformal_margin(val.label, val[f"{model}_low"], val[f"{model}_high"])
        table[f"{model}_low"] -= margin
        table[f"{model}_high"] += margin
        # A negative margin may turn a narrow interval around
        names = [f"{model}_low", model, f"{model}_high"]
        table[names] = np.sort(table[names].to_numpy(), axis=1)


def calibration(y: ArrayLike, p: ArrayLike, bins: int = 10) -> dict:
    """Calibration curve over bins of equally many samples, and the expected calibration error.

    Returns {"predicted": mean p of each bin, "observed": share of positives, "ece": number}.
    """
    y, p = np.asarray(y) > 0, np.asarray(p)
    groups = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    predicted = np.array([p[rows].mean() for rows in groups], float)
    observed = np.array([y[rows].mean() for rows in groups])
    return _curve(predicted, observed, np.array([len(rows) for rows in groups]))


def quantile_calibration(y: ArrayLike, quantiles: ArrayLike) -> dict:
    """As `calibration`: the levels QUANTILES, the share of y below each (n, 3), their mean gap."""
    observed = np.mean(np.asarray(y)[:, None] <= np.asarray(quantiles), axis=0)
    return _curve(np.array(QUANTILES), observed, np.ones(len(QUANTILES)))


def _curve(predicted: np.ndarray, observed: np.ndarray, sizes: np.ndarray) -> dict:
    ece = np.average(np.abs(predicted - observed), weights=sizes)
    curve = {"predicted": predicted.round(4).tolist(), "observed": observed.round(4).tolist()}
    return {**curve, "ece": round(float(ece), 4)}


def gain_curve(y: ArrayLike, p: ArrayLike) -> list[float]:
    """Recall if the 1, 2, ... 100% of samples with the highest p are flagged; ties as expected."""
    p = np.asarray(p)
    positive = pd.Series(np.asarray(y) > 0).groupby(p).transform("mean").to_numpy()
    recall = np.cumsum(positive[np.argsort(-p, kind="stable")])
    return _percentiles(recall / max(recall[-1], 1))


def error_curve(error: ArrayLike, width: ArrayLike) -> list[float]:
    """Mean absolute error of the 1, 2, ... 100% of samples with the narrowest intervals."""
    error = np.abs(np.asarray(error))[np.argsort(np.asarray(width), kind="stable")]
    return _percentiles(np.cumsum(error) / np.arange(1, len(error) + 1))


def _percentiles(curve: np.ndarray) -> list[float]:
    last = (np.arange(1, 101) * len(curve) - 1) // 100  # the sample at each percent, rounded up
    return [float(f"{value:.4g}") for value in curve[last]]


def prediction_columns(name: str, predictions: ArrayLike, index: ArrayLike) -> pd.DataFrame:
    """Predictions (n,) as the column `name`, or (n, 3) as `name_low`, `name` and `name_high`."""
    predictions = np.asarray(predictions)
    columns = [name] if predictions.ndim == 1 else [f"{name}_low", name, f"{name}_high"]
    return pd.DataFrame(predictions.reshape(len(predictions), -1), index=index, columns=columns)


def member_columns(name: str, members: ArrayLike, index: ArrayLike) -> pd.DataFrame:
    """Mean of predictions (n, members[, 3]) as columns `name`, and each member as `name/0`, ..."""
    members = np.asarray(members)
    tables = [prediction_columns(name, members.mean(1), index)]
    for i in range(members.shape[1]):
        tables.append(prediction_columns(name, members[:, i], index).add_suffix(f"/{i}"))
    return pd.concat(tables, axis=1)


def mean_or_nan(values: np.ndarray) -> float:
    """Mean of values (n,), NaN without a warning if there are none."""
    return float(np.mean(values)) if len(values) else np.nan
