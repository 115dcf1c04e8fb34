"""Thresholds of probabilities, chosen on validation. A sample is flagged if p >= threshold."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .metrics import expected_cost


def min_cost(y: ArrayLike, p: ArrayLike, miss: float, false_positive: float) -> float:
    """The threshold with the lowest cost of errors on labels y (n,) and probabilities p (n,).

    `miss` is the cost of a positive not flagged, `false_positive` that of a flagged negative.
    """
    y, p = np.asarray(y) > 0, np.asarray(p)
    order = np.argsort(p)
    values = np.unique(p)
    # Halfway between two probabilities; neighboring floats have no middle, so the upper one it is.
    middle = (values[1:] + values[:-1]) / 2
    middle = np.where(middle > values[:-1], middle, values[1:])
    candidates = np.concatenate([[0.0], middle, np.maximum(1, np.nextafter(values[-1:], 2))])
    n_below = np.searchsorted(p[order], candidates)
    misses = np.append(0, np.cumsum(y[order]))[n_below]
    false_positives = (len(y) - n_below) - (y.sum() - misses)
    return float(candidates[np.argmin(miss * misses + false_positive * false_positives)])


def max_accuracy(y: ArrayLike, p: ArrayLike) -> float:
    """The threshold with the fewest errors on labels y (n,) and probabilities p (n,)."""
    return min_cost(y, p, 1, 1)


def cost_table(
    val: pd.DataFrame, test: pd.DataFrame, models: Sequence[str], ratios: Iterable[float]
) -> list[dict[str, float]]:
    """Cost per 1,000 test samples, in false positives, if a miss costs `ratio` of them.

    `val` and `test` have a label and a column for each model; thresholds come from `val`. Returns
    [{"ratio": ratio, model: cost, ...}, ...].
    """
    table = []
    for ratio in ratios:
        row = {"ratio": ratio}
        for model in models:
            flagged = test[model].to_numpy() >= min_cost(val.label, val[model], ratio, 1)
            row[model] = round(1000 * expected_cost(test.label, flagged, ratio, 1), 1)
        table.append(row)
    return table
