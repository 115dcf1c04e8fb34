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
MIN_WEEKS = 20  # of the test set, or intervals resample days
Shares = Mapping[str, float]


def check_shares(shares: Shares) -> None:
    """Raises InputError unless train, val and test have positive shares that sum to 1."""
    values = shares.values()
    if {*shares} != {*SPLITS} or min(values) <= 0 or abs(sum(values) - 1) > 0.01:
        right = "give train, val and test, numbers above 0 that sum to 1"
        raise InputError(f"shares={shares}: {right}")


def check_split(split: ArrayLike, labels: ArrayLike, task: str, more: str = "") -> None:
    """Raises InputError if train, val or test lacks samples, or classes in a classification."""
    n_labels = pd.Series(np.asarray(labels)).groupby(np.asarray(split)).nunique()
    minimum = 2 if task == "classification" else 1
    for name in SPLITS:
        if n_labels.get(name, 0) < minimum:
            remedy = f"give more data, or other shares or borders{more}"
            raise InputError(f"the {name} split lacks samples, or a class; {remedy}")


def grouped(
    groups: ArrayLike,
    labels: ArrayLike,
    shares: Shares,
    *,
    slices: pd.DataFrame | None = None,
    task: str = "classification",
    holdout: Iterable[object] = (),
    n_draws: int = 500,
    seed: int = 0,
) -> np.ndarray:
    """Split (n,) of whole groups: the best balanced of `n_draws` random assignments.

    Each split should have its share of samples, of each class (of a regression: quartile of the
    labels), and of each value of `slices`. Groups in `holdout`, compared as texts, are "unseen".
    """
    check_shares(shares)
    groups, holdout = _complete(groups), [str(group) for group in holdout]
    texts = groups.astype(str)
    if unknown := sorted({*holdout} - {*texts}):
        raise InputError(f"holdout: no group {', '.join(unknown)}; one group is {texts[0]}")
    columns, indicators = [_classes(labels, task)], [np.ones(len(groups))]
    if slices is not None:
        columns += [slices[name] for name in slices]
    for column in columns:
        # The most frequent value needs no indicator: it is balanced when all others are.
        for value in column.value_counts().index[1:]:
            indicators.append(column.to_numpy() == value)
    used = ~texts.isin(holdout)
    totals = pd.DataFrame(np.column_stack(indicators))[used].groupby(groups[used]).sum()
    if len(totals) < 2 * len(SPLITS):
        raise InputError(f"{len(totals)} groups are too few to split, {2 * len(SPLITS)} needed")
    totals = totals.loc[:, totals.any()] / totals.sum()
    split = _best_draw(np.array(totals, order="C"), shares, n_draws, seed)
    return groups.map(pd.Series(split, totals.index)).fillna("unseen").to_numpy(object)


def _best_draw(totals: np.ndarray, shares: Shares, n_draws: int, seed: int) -> np.ndarray:
    """Split (groups,) with the smallest deviation from `shares`.

    `totals` (groups, k) is the share of samples, and then of other indicators, that a group has.
    """
    target = np.array(list(shares.values()))
    rng = np.random.default_rng(seed)
    smallest, assignment = np.inf, np.zeros(len(totals), np.int64)
    for _ in range(n_draws):
        order = rng.permutation(len(totals))
        middle = np.cumsum(totals[order, 0]) - totals[order, 0] / 2
        drawn = np.searchsorted(np.cumsum(target)[:-1], middle)
        actual = np.stack([totals[order][drawn == i].sum(0) for i in range(len(target))])
        deviation = np.abs(actual - target[:, None]).max()
        if deviation < smallest:
            smallest, assignment[order] = deviation, drawn
    return np.array(list(shares), object)[assignment]


def random(labels: ArrayLike, shares: Shares, seed: int = 0, stratify: bool = True) -> np.ndarray:
    """Split (n,) of single rows, whatever their groups; `stratify` balances the classes."""
    check_shares(shares)
    labels = np.asarray(labels)
    split, rows = np.full(len(labels), "train", dtype=object), np.arange(len(labels))
    for name, size in (("test", shares["test"]), ("val", shares["val"] / (1 - shares["test"]))):
        options = {"test_size": size, "random_state": seed}
        if stratify:
            options["stratify"] = labels[rows]
        try:
            rows, drawn = train_test_split(rows, **options)
        except ValueError as error:
            raise InputError(f"{len(labels)} samples are too few to split ({error})") from None
        split[drawn] = name
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
    end = np.asarray(end)
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
    return _between(edges, 1, end, start, groups)


def _between(edges: np.ndarray, i: int, end, start, groups) -> np.ndarray:
    """Split (n,): block i between the edges validates, the next one tests, earlier ones train."""
    start, first = end if start is None else start, end
    if groups is not None:  # when the group of each sample occurs first
        first = pd.Series(np.asarray(end)).groupby(_complete(groups)).transform("min")
    blocks = [np.searchsorted(edges, np.asarray(t), side="right") for t in (start, end, first)]
    splits = [np.select([b < i, b == i, b == i + 1], SPLITS, "gap") for b in blocks]
    is_whole = (blocks[0] == blocks[1]) & (splits[1] == splits[2])
    return np.where(is_whole, splits[1], "gap").astype(object)


def time_blocks(times: ArrayLike, within: ArrayLike | None = None) -> np.ndarray:
    """Blocks (n,) of time for intervals to resample, as rows of one day or week are alike.

    They are ISO weeks ("2015-W03"), or days ("2015-01-17") if there are fewer than MIN_WEEKS in the
    rows `within` (a mask, such as the test rows). Numbers, such as years, are their own blocks.
    """
    times = pd.Series(times)
    if pd.api.types.is_numeric_dtype(times):
        return times.to_numpy()
    codes, days = pd.factorize(pd.to_datetime(times).dt.floor("D"))  # fewer texts to write
    names = days.strftime("%G-W%V")
    counted = codes if within is None else codes[np.asarray(within)]
    if names[counted].nunique() < MIN_WEEKS:
        names = days.strftime("%Y-%m-%d")
    return names.to_numpy(object)[codes]


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
    splits, right = [], "give fewer folds (3 or more) or more data"
    if split_strategy == "time":
        edges = pd.Series(end).quantile(np.linspace(0, 1, n_folds + 3)[1:-1]).to_numpy()
        for i in range(1, n_folds + 1):
            splits.append(_between(edges, i, end, start, groups if keep_groups else None))
        if keep_groups:
            right += " or keep_groups_whole=false"
    elif 2 < n_folds <= len(np.unique(groups)):
        labels, fold = _classes(labels, task), np.zeros(len(labels), np.int64)
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        for i, (_, rows) in enumerate(splitter.split(labels, labels, groups)):
            fold[rows] = i
        names = np.array(["test", "val", *["train"] * (n_folds - 2)])
        splits = [names[(fold - i) % n_folds] for i in range(n_folds)]
    if not splits or not all({*split} >= {*SPLITS} for split in splits):
        raise InputError(f"folds={n_folds}: too few groups or times; {right}")
    return splits


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
    groups = samples.groupby(split)
    return groups.agg(samples=("id", "size"), groups=("group", "nunique"), label=("label", "mean"))


def _complete(groups: ArrayLike) -> pd.Series:
    """Groups (n,) as a Series; InputError if one is missing."""
    groups = pd.Series(np.asarray(groups))
    if groups.isna().any():
        raise InputError(f"groups: row {groups.isna().argmax() + 1} is empty; fill or drop it")
    return groups


def _classes(labels: ArrayLike, task: str) -> pd.Series:
    """Labels (n,) of a classification; of a regression their quartiles, ties in any order."""
    labels = pd.Series(np.asarray(labels))
    if task == "classification":
        return labels
    return pd.qcut(labels.rank(method="first"), 4, labels=False)
