"""Which sample trains, chooses or tests: no group in two parts, no future in the past."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from .config import BadInput


def cut(kind: str, samples: pd.DataFrame, data: DictConfig, task: str) -> np.ndarray:
    """Part (n,) of each sample: train, val, test, or what belongs to none of them: unseen, gap.

    kind is grouped (by samples.group), random (as if there were no groups) or time (by samples.end).
    """
    shares = dict(data.shares) if isinstance(data.shares, Mapping) else {}
    numbers = [share for share in shares.values() if isinstance(share, int | float) and share > 0]
    if {*shares} != {"train", "val", "test"} or len(numbers) < 3 or abs(sum(numbers) - 1) > 0.01:
        raise BadInput(f"data.shares={data.shares}: give train, val and test, numbers above 0 that sum to 1")
    if kind == "time" and "end" not in samples:
        raise BadInput("a split by time needs the column of times: data.time=COLUMN")
    if kind == "random":
        stratify = samples.label if task == "classification" else None
        return by_chance(len(samples), stratify, shares, data.split_seed)
    if kind == "time":
        part = by_time(samples, data, shares)
    elif kind != "grouped":
        raise BadInput(f"data.splits: {kind}; choose of grouped, random, time")
    else:
        part = np.full(len(samples), "unseen", dtype=object)
        groups, apart = samples.group.astype(str), [*map(str, data.unseen)]
        if unknown := {*apart} - {*groups}:
            raise BadInput(f"data.unseen: no group {', '.join(sorted(unknown))}; one is {groups.iloc[0]}")
        seen = ~groups.isin(apart).to_numpy()
        alike = strata(samples[seen], data.slices, task)
        part[seen] = by_group(samples.group[seen], alike, shares, data.draws, data.split_seed)
    least, what = (2, "a single class") if task == "classification" else (1, "no sample")
    for name in shares:
        if samples.label[part == name].nunique() < least:
            raise BadInput(f"the {name} part has {what}; give more data or other data.shares")
    return part


def strata(samples: pd.DataFrame, slices: list[str], task: str) -> np.ndarray:
    """What every part should have its share of (n, k): labels, and all but the commonest value of slices."""
    if task == "classification":
        columns = [samples.label.to_numpy()]
    else:
        columns = [samples.label.rank(pct=True).to_numpy() > level for level in (0.25, 0.5, 0.75)]
    for name in slices:
        for value in samples[name].value_counts().index[1:]:
            columns.append((samples[name] == value).to_numpy())
    return np.column_stack(columns)


def by_group(
    group: pd.Series, alike: np.ndarray, shares: dict[str, float], draws: int, seed: int
) -> np.ndarray:
    """Part of each sample (n,), no group in two parts: the best balanced of many random draws.

    alike (n, k) holds what every part should have its share of. No result of a model enters.
    """
    names, index = np.unique(group, return_inverse=True)
    if len(names) < 2 * len(shares):
        raise BadInput(f"{len(names)} groups are too few to split, {2 * len(shares)} needed")
    columns = np.column_stack([np.ones(len(index)), alike[:, alike.any(0)]]).astype(float)
    totals = np.stack([np.bincount(index, weights=column) for column in columns.T], axis=1)
    totals /= totals.sum(0)
    wanted = np.array(list(shares.values()))
    rng = np.random.default_rng(seed)
    best, parts = np.inf, np.empty(len(names), np.int64)
    for _ in range(draws):
        order = rng.permutation(len(names))
        middle = np.cumsum(totals[order, 0]) - totals[order, 0] / 2
        part = np.searchsorted(np.cumsum(wanted)[:-1], middle)
        got = np.stack([totals[order][part == p].sum(0) for p in range(len(wanted))])
        off = np.abs(got - wanted[:, None]).max()
        if off < best:
            best, parts[order] = off, part
    return np.array(list(shares))[parts][index]


def by_chance(n: int, stratify: pd.Series | None, shares: dict[str, float], seed: int) -> np.ndarray:
    """Part of each sample (n,), drawn at random, with the same share of positives in each."""
    part = np.full(n, "train", dtype=object)
    rows = np.arange(n)
    size = shares["val"] / (1 - shares["test"])
    try:
        rest, test = train_test_split(rows, test_size=shares["test"], random_state=seed, stratify=stratify)
        stratify = None if stratify is None else stratify.iloc[rest]
        _, val = train_test_split(rest, test_size=size, random_state=seed, stratify=stratify)
    except ValueError as error:
        raise BadInput(f"{n} samples are too few to split ({error})") from None
    part[val], part[test] = "val", "test"
    return part


def by_time(samples: pd.DataFrame, data: DictConfig, shares: dict[str, float]) -> np.ndarray:
    """Part of each sample (n,) in order of time; what reaches over a border is in none (gap).

    A sample lasts from samples.start, its first input, to samples.end, its target. Without
    data.borders, the shares decide. With data.keep_groups_whole, a group seen earlier is no test.
    """
    time, start = samples.end.to_numpy(), samples.start.to_numpy()
    if data.borders:
        try:
            borders = np.array([data.borders.val, data.borders.test], dtype=time.dtype)
        except (ValueError, TypeError, AttributeError):
            right = "give {val: TIME, test: TIME}; the times in the data look like"
            raise BadInput(f"data.borders={data.borders}: {right} {time[0]}") from None
    else:
        ends = np.cumsum([shares["train"], shares["val"]])
        borders = np.sort(time)[(ends * (len(time) - 1)).astype(int)]
    first, last = (np.searchsorted(borders, moment, side="right") for moment in (start, time))
    part = np.where(first == last, np.array(["train", "val", "test"])[last], "gap")
    if data.keep_groups_whole:
        earliest = samples.groupby("group").end.transform("min").to_numpy()
        part = np.where(np.searchsorted(borders, earliest, side="right") == last, part, "gap")
    for name in shares:
        if not (part == name).any():
            raise BadInput(f"no sample lies wholly in the {name} part; set data.borders or give more data")
    return part


def folds(samples: pd.DataFrame, data: DictConfig, task: str, count: int, seed: int) -> list[np.ndarray]:
    """The part (n,) of every sample in each fold of cross-validation.

    By group: a fold tests, the next validates, the others train. By time: what came before trains, and
    with data.keep_groups_whole a group seen earlier is no test.
    """
    if data.split == "time":
        edges = samples.end.quantile(np.linspace(0, 1, count + 3)[1:-1]).to_numpy()
        earliest = samples.groupby("group").end.transform("min") if data.keep_groups_whole else samples.end
        times = (samples.end, samples.start, earliest)
        at, begun, first = (np.searchsorted(edges, time, side="right") for time in times)
        parts, names = [], ["train", "val", "test"]
        for i in range(1, count + 1):
            part, new = (np.select([t < i, t == i, t == i + 1], names, "gap") for t in (at, first))
            parts.append(np.where((begun == at) & (new == part), part, "gap"))
    else:
        parts = by_fold(samples, task, count, seed)
    if not all({*part} >= {"train", "val", "test"} for part in parts):
        also = " or data.keep_groups_whole=false" if data.split == "time" and data.keep_groups_whole else ""
        raise BadInput(f"folds={count}: too few groups or times; give fewer folds or more data{also}")
    return parts


def by_fold(samples: pd.DataFrame, task: str, count: int, seed: int) -> list[np.ndarray]:
    """The part (n,) of every sample in each fold, no group in two folds; labels alike in all."""
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    label = samples.label
    if task == "regression":  # its quarters; equal values in any order
        label = pd.qcut(label.rank(method="first"), 4, labels=False)
    fold = np.zeros(len(samples), np.int64)
    if min(samples.group.nunique(), label.value_counts().max()) >= count:  # else scikit-learn has none
        for i, (_, rows) in enumerate(splitter.split(samples, label, samples.group)):
            fold[rows] = i
    names = np.array(["train"] * count)
    names[:2] = "test", "val"
    return [names[(fold - i) % count] for i in range(count)]
