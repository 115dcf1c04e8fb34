"""Which rows train, validate and test: no group on two sides, nothing of the future in the past.

Functions return "train", "val" or "test" for each sample, or why it is in none of them: "unseen" (a
group held out) or "gap" (it spans a border in time).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from .errors import InputError

SPLITS = ("train", "val", "test")
Shares = Mapping[str, float]


def check_shares(shares: Shares) -> None:
    """Raises InputError unless train, val and test have positive shares that sum to 1."""
    values = list(shares.values()) if isinstance(shares, Mapping) else []
    numbers = [v for v in values if isinstance(v, int | float) and v > 0]
    if len(numbers) != 3 or {*shares} != {*SPLITS} or abs(sum(numbers) - 1) > 0.01:
        right = "give train, val and test, numbers above 0 that sum to 1"
        raise InputError(f"shares={shares}: {right}")


def check_split(split: ArrayLike, labels: ArrayLike, task: str) -> None:
    """Raises InputError if train, val or test lacks samples, or classes in a classification."""
    n_labels = pd.Series(np.asarray(labels)).groupby(np.asarray(split)).nunique()
    minimum, problem = (2, "a single class") if task == "classification" else (1, "no sample")
    for name in SPLITS:
        if n_labels.get(name, 0) < minimum:
            raise InputError(f"the {name} split has {problem}; give more data or other shares")


def strata(
    labels: ArrayLike, slices: pd.DataFrame | None = None, task: str = "classification"
) -> np.ndarray:
    """Indicators (n, k) of what each split should have its share of, for `grouped`.

    They stand for classes, or quartiles of a regression's labels, and for values of `slices`. The
    most frequent value of a column needs none: it is balanced when all others are.
    """
    labels = pd.Series(np.asarray(labels))
    if task == "regression":
        columns = [labels.rank(pct=True).to_numpy() > level for level in (0.25, 0.5, 0.75)]
    elif labels.nunique() > 2:
        columns = [(labels == value).to_numpy() for value in labels.value_counts().index[1:]]
    else:
        columns = [labels.to_numpy()]
    for name in [] if slices is None else slices:
        for value in slices[name].value_counts().index[1:]:
            columns.append((slices[name] == value).to_numpy())
    return np.column_stack(columns)


def grouped(
    groups: ArrayLike,
    balance: ArrayLike,
    shares: Shares,
    *,
    holdout: Iterable[object] = (),
    n_draws: int = 500,
    seed: int = 0,
) -> np.ndarray:
    """Split (n,) of whole groups: the best balanced of `n_draws` random assignments.

    `balance` (n, k) is what each split should have its share of, such as `strata(...)`. The groups
    of `holdout`, compared as texts, are "unseen".
    """
    check_shares(shares)
    groups = _complete(groups, "groups").to_numpy()
    texts, holdout = groups.astype(str), [str(group) for group in holdout]
    if unknown := sorted({*holdout} - {*texts}):
        raise InputError(f"holdout: no group {', '.join(unknown)}; one group is {texts[0]}")
    used = ~np.isin(texts, holdout)
    balance = np.asarray(balance).reshape(len(groups), -1)[used]
    split = np.full(len(groups), "unseen", dtype=object)
    split[used] = _balanced(groups[used], balance, shares, n_draws, seed)
    return split


def _balanced(groups, balance, shares: Shares, n_draws: int, seed: int) -> np.ndarray:
    """Split (n,): the draw whose largest deviation from the shares is smallest."""
    names, index = np.unique(groups, return_inverse=True)
    if len(names) < 2 * len(shares):
        raise InputError(f"{len(names)} groups are too few to split, {2 * len(shares)} needed")
    columns = np.column_stack([np.ones(len(index)), balance[:, balance.any(0)]]).astype(float)
    totals = np.stack([np.bincount(index, weights=column) for column in columns.T], axis=1)
    totals /= totals.sum(0)  # (groups, 1 + k): the share of each column that a group holds
    target = np.array(list(shares.values()))
    rng = np.random.default_rng(seed)
    smallest, assignment = np.inf, np.empty(len(names), np.int64)
    for _ in range(max(1, n_draws)):
        order = rng.permutation(len(names))
        middle = np.cumsum(totals[order, 0]) - totals[order, 0] / 2
        drawn = np.searchsorted(np.cumsum(target)[:-1], middle)
        actual = np.stack([totals[order][drawn == i].sum(0) for i in range(len(target))])
        deviation = np.abs(actual - target[:, None]).max()
        if deviation < smallest:
            smallest, assignment[order] = deviation, drawn
    return np.array(list(shares))[assignment][index]


def random(labels: ArrayLike, shares: Shares, seed: int = 0, stratify: bool = True) -> np.ndarray:
    """Split (n,) of single rows, whatever their groups; `stratify` balances the classes."""
    check_shares(shares)
    labels = np.asarray(labels)
    split, rows = np.full(len(labels), "train", dtype=object), np.arange(len(labels))
    size = {"test": shares["test"], "val": shares["val"] / (1 - shares["test"])}
    try:
        for name in ("test", "val"):
            strata_left = labels[rows] if stratify else None
            rows, drawn = train_test_split(
                rows, test_size=size[name], random_state=seed, stratify=strata_left
            )
            split[drawn] = name
    except ValueError as error:
        raise InputError(f"{len(labels)} samples are too few to split ({error})") from None
    return split


def by_time(
    end: ArrayLike,
    start: ArrayLike | None,
    shares: Shares,
    *,
    borders: Mapping[str, object] | None = None,
    groups: ArrayLike | None = None,
) -> np.ndarray:
    """Split (n,) in order of time; "gap" for a sample that spans a border.

    A sample lasts from `start`, its first input (None: a moment), to `end`, its target. Borders are
    {"val": TIME, "test": TIME}; without them, the shares decide. With `groups`, a sample whose
    group occurred in an earlier split is a "gap" too.
    """
    check_shares(shares)
    end = _complete(end, "end").to_numpy()
    start = end if start is None else _complete(start, "start").to_numpy()
    cumulative = np.cumsum([shares["train"], shares["val"]])
    edges = np.sort(end)[(cumulative * (len(end) - 1)).astype(int)]
    if borders:
        try:
            edges = np.array([borders["val"], borders["test"]], dtype=end.dtype)
            if edges[0] >= edges[1]:
                raise ValueError
        except (ValueError, TypeError, KeyError):
            right = "give {val: TIME, test: TIME}, val first; the times in the data look like"
            raise InputError(f"borders={borders}: {right} {end[0]}") from None
    first, last = (np.searchsorted(edges, times, side="right") for times in (start, end))
    split = np.where(first == last, np.array(SPLITS, object)[last], "gap")
    if groups is not None:
        arrival = np.searchsorted(edges, _earliest(groups, end), side="right")
        split = np.where(arrival == last, split, "gap")
    for name in SPLITS:
        if not (split == name).any():
            raise InputError(f"no sample lies wholly in {name}; set borders or give more data")
    return split


def time_blocks(times: ArrayLike, n_min: int = 20, within: ArrayLike | None = None) -> np.ndarray:
    """Blocks (n,) of time for intervals to resample, as rows of one day or week are alike.

    They are ISO weeks ("2015-W03"), or days ("2015-01-17") if there are fewer than `n_min` weeks in
    the rows `within` (a mask, such as the test rows). Numbers, such as years, are their own blocks.
    """
    times = _complete(times, "times")
    if pd.api.types.is_numeric_dtype(times):
        return times.to_numpy()
    codes, days = pd.factorize(pd.to_datetime(times).dt.floor("D"))
    weeks = days.strftime("%G-W%V").to_numpy(object)
    counted = codes if within is None else codes[np.asarray(within, dtype=bool)]
    if len({*weeks[counted]}) >= n_min:
        return weeks[codes]
    return days.strftime("%Y-%m-%d").to_numpy(object)[codes]


def folds(
    split_strategy: str,
    n_folds: int,
    seed: int = 0,
    *,
    groups: ArrayLike,
    labels: ArrayLike,
    task: str,
    end: ArrayLike | None = None,
    start: ArrayLike | None = None,
    keep_groups: bool = False,
) -> list[np.ndarray]:
    """Split (n,) of every sample in each fold of cross-validation.

    "grouped", "random": one fold of groups tests, the next one validates, the others train. "time":
    one block of time tests, the one ahead of it validates, all earlier ones train; `keep_groups`
    makes a sample whose group occurred in an earlier split a "gap".
    """
    if split_strategy == "time":
        splits = _time_folds(n_folds, end, end if start is None else start, groups, keep_groups)
    else:
        splits = _group_folds(n_folds, seed, np.asarray(groups), np.asarray(labels), task)
    if n_folds < 1 or not all({*split} >= {*SPLITS} for split in splits):
        right = "give fewer folds (3 or more) or more data"
        if split_strategy == "time" and keep_groups:
            right += " or keep_groups_whole=false"
        raise InputError(f"folds={n_folds}: too few groups or times; {right}")
    return splits


def _time_folds(n_folds: int, end, start, groups, keep_groups: bool) -> list[np.ndarray]:
    edges = _complete(end, "end").quantile(np.linspace(0, 1, n_folds + 3)[1:-1]).to_numpy()
    moments = (start, end, _earliest(groups, end) if keep_groups else end)
    blocks = [np.searchsorted(edges, np.asarray(times), side="right") for times in moments]
    splits = []
    for i in range(1, n_folds + 1):
        _, split, of_group = (np.select([b < i, b == i, b == i + 1], SPLITS, "gap") for b in blocks)
        splits.append(np.where((blocks[0] == blocks[1]) & (of_group == split), split, "gap"))
    return splits


def _group_folds(n_folds: int, seed: int, groups, labels, task: str) -> list[np.ndarray]:
    labels = pd.Series(labels)
    if task == "regression":  # quartiles stand for classes; ties in any order
        labels = pd.qcut(labels.rank(method="first"), 4, labels=False)
    fold = np.zeros(len(labels), np.int64)
    # scikit-learn refuses more folds than groups; here they stay empty, and `folds` reports it.
    if min(len(np.unique(groups)), labels.value_counts().max()) >= n_folds > 1:
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        for i, (_, rows) in enumerate(splitter.split(labels, labels, groups)):
            fold[rows] = i
    names = np.array(["test", "val", *["train"] * (n_folds - 2)])
    return [names[(fold - i) % len(names)] for i in range(n_folds)]


def verify_frozen(samples: pd.DataFrame, strategies: Sequence[str], expected: str | None) -> str:
    """SHA-256 of the ids and the split columns; InputError if it differs from `expected`."""
    table = samples[["id", *dict.fromkeys(strategies)]].to_csv(index=False, lineterminator="\n")
    digest = hashlib.sha256(table.encode()).hexdigest()
    if expected not in (None, digest):
        right = f"expected was {expected}; set split_sha256=null to accept a new split"
        raise InputError(f"the split has SHA-256 {digest}, {right}")
    return digest


def summary(samples: pd.DataFrame, split: str) -> pd.DataFrame:
    """Number of samples and groups and mean label of each value of the column `split`."""
    columns = {
        "samples": ("id", "size"),
        "groups": ("group", "nunique"),
        "label": ("label", "mean"),
    }
    return samples.groupby(split).agg(**columns).round(3)


def _earliest(groups: ArrayLike, end: ArrayLike) -> np.ndarray:
    """Time (n,) at which the group of each sample occurs first."""
    return pd.Series(np.asarray(end)).groupby(np.asarray(groups)).transform("min").to_numpy()


def _complete(values: ArrayLike, name: str) -> pd.Series:
    """The values (n,) as a Series; InputError if one is missing."""
    series = pd.Series(values).reset_index(drop=True)
    if series.isna().any():
        raise InputError(f"{name}: row {series.isna().argmax() + 1} is empty; fill or drop it")
    return series
