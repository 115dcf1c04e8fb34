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
    if of not in ("all", "negatives"):
        raise ValueError(f'of={of!r}: choose "all" or "negatives"')
    y, p = np.asarray(y) > 0, np.asarray(p)
    if y.all() or not y.any():
        return float("nan")
    counted = p[~y] if of == "negatives" else p
    room = share * len(counted)
    cut = np.sort(counted)[::-1][min(len(counted) - 1, int(room))]
    tied = np.clip((room - np.sum(counted > cut)) / np.sum(counted == cut), 0, 1)
    return float(np.mean(p[y] > cut) + tied * np.mean(p[y] == cut))


def expected_cost(y: ArrayLike, flagged: ArrayLike, miss: float, false_alarm: float) -> float:
    """Mean cost of a sample; `miss` and `false_alarm` are the costs of the two kinds of error."""
    y, flagged = np.asarray(y) > 0, np.asarray(flagged, dtype=bool)
    return float(miss * np.mean(y & ~flagged) + false_alarm * np.mean(~y & flagged))


def pinball(y: ArrayLike, quantiles: ArrayLike, levels: Sequence[float] = QUANTILES) -> float:
    """Mean pinball loss of quantiles (n, k) predicted at k levels, in units of y."""
    error = np.asarray(y, dtype=float)[:, None] - np.asarray(quantiles, dtype=float)
    return float(np.mean(np.maximum(levels * error, np.subtract(levels, 1) * error)))


def coverage(y: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of y within the intervals from `low` (n,) to `high` (n,), ends included."""
    y = np.asarray(y)
    return float(np.mean((np.asarray(low) <= y) & (y <= np.asarray(high))))


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


def mean_or_nan(values: np.ndarray) -> float:
    """Mean of values (n,), NaN without a warning if there are none."""
    return float(np.mean(values)) if len(values) else np.nan
