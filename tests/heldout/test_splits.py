"""No group on two sides, nothing of the future in the past, and the same split again."""

import numpy as np
import pandas as pd
import pytest
from heldout import InputError, splits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

SHARES = {"train": 0.6, "val": 0.15, "test": 0.25}


def make_samples(n: int = 400, n_groups: int = 40, seed: int = 0) -> pd.DataFrame:
    """Samples of groups, shuffled in time, each lasting three hours."""
    rng = np.random.default_rng(seed)
    end = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(n), unit="h")
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "label": rng.integers(0, 2, n).astype(float),
            "group": rng.integers(0, n_groups, n),
            "start": end - pd.Timedelta(hours=3),
            "end": end,
        }
    )


def count_sides(samples: pd.DataFrame, split: np.ndarray) -> int:
    """The largest number of splits in which one group occurs."""
    used = samples.assign(split=split)[np.isin(split, splits.SPLITS)]
    return used.groupby("group").split.nunique().max()


def assert_in_order(samples: pd.DataFrame, split: np.ndarray) -> None:
    for earlier, later in (("train", "val"), ("val", "test")):
        assert samples.end[split == earlier].max() < samples.start[split == later].min()


@settings(deadline=None, max_examples=40)
@given(
    groups=st.lists(st.integers(0, 20), min_size=30, max_size=120),
    seed=st.integers(0, 9),
    task=st.sampled_from(["classification", "regression"]),
)
def test_grouped_keeps_each_group_on_one_side(groups, seed, task):
    assume(len({*groups}) >= 7)
    labels = np.random.default_rng(seed).integers(0, 2, len(groups)).astype(float)
    samples = pd.DataFrame({"group": groups})
    options = {"task": task, "holdout": [groups[0]], "n_draws": 5, "seed": seed}
    split = splits.grouped(groups, labels, SHARES, **options)
    assert count_sides(samples, split) == 1
    assert np.array_equal(split == "unseen", samples.group == groups[0])


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_grouped_meets_the_shares_and_balances_labels_and_slices(task):
    samples = make_samples()
    color = pd.DataFrame({"color": np.where(samples.id % 4 == 0, "red", "blue")})
    split = splits.grouped(samples.group, samples.label, SHARES, slices=color, task=task)
    shares = {name: np.mean(split == name) for name in SHARES}
    assert shares == pytest.approx(SHARES, abs=0.03)
    assert np.ptp((color.color == "red").groupby(split).mean()) < 0.1
    assert np.ptp(samples.label.groupby(split).mean()) < 0.1


def test_grouped_balances_three_classes():
    labels = pd.Series(np.random.default_rng(0).choice(["a", "b", "c"], 400))
    split = splits.grouped(np.arange(400) % 40, labels, SHARES)
    shares = pd.crosstab(labels, split, normalize="index")
    assert np.allclose(shares[[*SHARES]], [*SHARES.values()], atol=0.06)


@pytest.mark.parametrize("borders", [None, {"val": "2020-01-12", "test": "2020-01-15 12:00"}])
def test_by_time_keeps_the_future_out_of_the_past(borders):
    samples = make_samples()
    split = splits.by_time(samples.end, samples.start, SHARES, borders=borders)
    assert {*split} == {*SHARES, "gap"}
    assert_in_order(samples, split)
    if borders:
        assert samples.start[split == "val"].min() == pd.Timestamp(borders["val"])
        assert samples.start[split == "test"].min() == pd.Timestamp(borders["test"])


@settings(deadline=None, max_examples=40)
@given(
    end=st.lists(st.integers(0, 1000), min_size=60, max_size=150),
    length=st.integers(0, 40),
    seed=st.integers(0, 9),
)
def test_by_time_with_groups_tests_no_group_of_the_past(end, length, seed):
    rng = np.random.default_rng(seed)
    samples = pd.DataFrame({"end": end, "group": rng.integers(0, 200, len(end))})
    samples["start"] = samples.end - length
    split = splits.by_time(samples.end, samples.start, SHARES, groups=samples.group)
    assume({*split} >= {*SHARES})
    assert_in_order(samples.assign(start=samples.start + 0.5), split)
    assert count_sides(samples, split) == 1


def test_random_stratifies_and_the_seed_decides():
    labels = make_samples().label
    split = splits.random(labels, SHARES, 0)
    assert np.ptp(labels.groupby(split).mean()) < 0.03
    assert np.array_equal(split, splits.random(labels, SHARES, 0))
    assert not np.array_equal(split, splits.random(labels, SHARES, 1))


def test_time_blocks_are_weeks_if_there_are_enough_of_them_else_days():
    days = pd.Series(pd.date_range("2015-01-01", periods=200))
    assert splits.time_blocks(days)[:5].tolist() == ["2015-W01"] * 4 + ["2015-W02"]
    assert splits.time_blocks(days[:100])[0] == "2015-01-01"
    assert splits.time_blocks(days, within=days < "2015-02-01")[-1] == "2015-07-19"
    assert splits.time_blocks([1999, 1999, 2000]).tolist() == [1999, 1999, 2000]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_folds_of_groups_test_every_sample_once(task):
    samples = make_samples()
    folds = splits.folds("grouped", 5, groups=samples.group, labels=samples.label, task=task)
    assert (np.sum([split == "test" for split in folds], axis=0) == 1).all()
    for split in folds:
        assert {*split} == {*SHARES}
        assert count_sides(samples, split) == 1


@pytest.mark.parametrize("keep_groups", [False, True])
def test_folds_of_time_test_later_blocks(keep_groups):
    samples = make_samples(n_groups=300)
    columns = {name: samples[name] for name in ("end", "start")}
    folds = splits.folds(
        "time",
        3,
        groups=samples.group,
        labels=samples.label,
        task="regression",
        keep_groups=keep_groups,
        **columns,
    )
    for split in folds:
        assert_in_order(samples, split)
        assert (count_sides(samples, split) == 1) == keep_groups


@pytest.mark.parametrize(
    ("strategy", "n_folds"),
    [("grouped", n) for n in (0, 1, 2, 9, 500)] + [("time", n) for n in (0, 9, 500)],
)
def test_impossible_folds_are_refused(strategy, n_folds):
    groups = make_samples(n_groups=8).group
    with pytest.raises(InputError, match=f"^folds={n_folds}: too few groups or times; .* data$"):
        splits.folds(strategy, n_folds, groups=groups, labels=groups % 2, task="classification", end=groups)


def test_a_frozen_split_is_verified():
    samples = make_samples().assign(grouped="train")
    digest = splits.verify_frozen(samples, ["grouped"], None)
    assert splits.verify_frozen(samples, ["grouped"], digest) == digest
    samples.loc[0, "grouped"] = "test"
    with pytest.raises(InputError, match="set split_sha256=null to accept a new split"):
        splits.verify_frozen(samples, ["grouped"], digest)


def test_summary_counts_samples_and_groups():
    samples = make_samples().assign(side="train")
    assert splits.summary(samples, "side").loc["train", ["samples", "groups"]].tolist() == [400, 40]


ONES, TWENTY = np.ones(20), np.arange(20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: splits.grouped(TWENTY % 4, ONES, SHARES), "4 groups are too few to split, 6"),
        (lambda: splits.grouped(TWENTY, ONES, SHARES, holdout=["x"]), "no group x; one group is 0"),
        (lambda: splits.grouped([1, None], ONES[:2], SHARES), "groups: row 2 is empty"),
        (lambda: splits.random(TWENTY[:2], SHARES), "2 samples are too few to split"),
        (lambda: splits.random(TWENTY, {**SHARES, "test": 2}), "numbers above 0 that sum to 1"),
        (lambda: splits.random(TWENTY, {"train": 1}), "give train, val and test, numbers above 0"),
        (lambda: splits.by_time(TWENTY, None, SHARES, groups=[None] * 20), "groups: row 1 is empty"),
        (lambda: splits.by_time(TWENTY, None, SHARES, borders={"val": 3}), "give {val: TIME, test"),
        (lambda: splits.by_time(TWENTY, None, SHARES, borders="spring"), "look like 0"),
        (lambda: splits.by_time(TWENTY, None, SHARES, borders={"val": 9, "test": 9}), "val first"),
        (lambda: splits.check_split(["train"] * 3, [0, 1, 1], "classification"), "the val split lacks"),
        (lambda: splits.check_split(["val"] * 3, [0, 1, 1], "regression"), "the train split lacks"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(InputError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
