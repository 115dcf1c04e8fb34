"""No group in two parts, no future in the past, frozen; and what goes wrong changes nothing."""

import re

import kind
import numpy as np
import pandas as pd
import pytest
from conftest import refused, settings
from omegaconf import DictConfig, OmegaConf

from {{ cookiecutter.package_name }} import config, dataset, fetch, prepare, splits

SHARES = {"train": 0.6, "val": 0.15, "test": 0.25}


def by(kind: str, whole: bool = False) -> DictConfig:
    """What `folds` reads of conf/data."""
    return OmegaConf.create({"split": kind, "keep_groups_whole": whole})


def table(rows: int = 400, groups: int = 40, seed: int = 0) -> pd.DataFrame:
    """Samples of groups, in any order of time, each lasting three hours."""
    rng = np.random.default_rng(seed)
    end = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(rows), unit="h")
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "label": rng.integers(0, 2, rows).astype(float),
            "group": rng.integers(0, groups, rows),
            "start": end - pd.Timedelta(hours=3),
            "end": end,
        }
    )


def knobs(**values) -> DictConfig:
    """data of conf/, for `table`."""
    data = settings().data
    data.update({"slices": [], "unseen": [], "borders": None, "shares": SHARES, "draws": 50, **values})
    return data


def cut(kind: str, samples: pd.DataFrame, task: str = "classification", **values) -> np.ndarray:
    return splits.cut(kind, samples, knobs(**values), task)


def order(samples: pd.DataFrame, part: np.ndarray) -> None:
    """Each part begins after the one before has ended, first inputs and targets included."""
    for before, after in (("train", "val"), ("val", "test")):
        assert samples.end[part == before].max() < samples.start[part == after].min()


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("seed", range(3))
def test_no_group_in_two_parts(seed, task):
    samples = table(seed=seed)
    part = cut("grouped", samples, task)
    assert samples.assign(part=part).groupby("group").part.nunique().max() == 1
    assert {name: np.mean(part == name) for name in SHARES} == pytest.approx(SHARES, abs=0.03)


def test_what_is_unlike_the_rest_is_kept_apart():
    samples = table()
    part = cut("grouped", samples, unseen=[3])
    assert np.array_equal(part == "unseen", samples.group == 3)


@pytest.mark.parametrize("borders", [None, {"val": "2020-01-12", "test": "2020-01-15 12:00"}])
def test_no_future_in_the_past(borders):
    samples = table()
    part = cut("time", samples, borders=borders, keep_groups_whole=False)
    assert set(part) == {*SHARES, "gap"}
    order(samples, part)
    if borders:
        assert samples.start[part == "val"].min() == pd.Timestamp(borders["val"])
        assert samples.start[part == "test"].min() == pd.Timestamp(borders["test"])
    else:
        assert {name: np.mean(part == name) for name in SHARES} == pytest.approx(SHARES, abs=0.03)


def test_in_time_too_a_group_can_be_kept_whole():
    samples = table(groups=350)
    part = cut("time", samples, keep_groups_whole=True)
    order(samples, part)
    used = samples.assign(part=part)[part != "gap"]
    assert used.groupby("group").part.nunique().max() == 1


@pytest.mark.parametrize("kind", ["grouped", "random", "time"])
def test_the_seed_decides(kind):
    first, second = (cut(kind, table(), keep_groups_whole=False) for _ in range(2))
    assert np.array_equal(first, second)
    other = cut(kind, table(), keep_groups_whole=False, split_seed=1)
    assert np.array_equal(first, other) == (kind == "time")


def test_a_random_split_has_as_many_positives_in_each_part():
    samples = table()
    assert np.ptp(samples.groupby(cut("random", samples)).label.mean()) < 0.03


@pytest.mark.parametrize(
    ("kind", "samples", "message"),
    [
        ("grouped", table(groups=4), "4 groups are too few to split, 6 needed"),
        ("grouped", table().assign(label=lambda t: t.group == 3), "the .* part has a single class"),
        ("time", table(groups=400).assign(label=lambda t: t.end > "2020-01-16"), "the train part has a sin"),
        ("time", table(groups=1), "no sample lies wholly in the val part"),
        ("time", table().assign(start="2020-01-01", end="2020-01-01"), "no sample lies wholly in the"),
        ("random", table(7), "7 samples are too few to split"),
        ("random", table().assign(label=lambda t: t.id == 3), "400 samples are too few to split"),
    ],
)
def test_what_cannot_be_split_gets_one_line(kind, samples, message):
    samples = samples.astype({"start": "datetime64[ns]", "end": "datetime64[ns]", "label": float})
    with pytest.raises(config.BadInput, match=message) as error:
        cut(kind, samples, keep_groups_whole=True)
    assert "\n" not in str(error.value)


def test_a_part_without_a_sample_gets_one_line():
    samples = table().assign(group=lambda t: t.id.clip(upper=5), label=lambda t: t.id.astype(float))
    with pytest.raises(config.BadInput, match="part has no sample"):
        cut("grouped", samples, "regression")


def test_borders_that_are_no_times_get_one_line():
    for borders in ({"val": "spring", "test": "autumn"}, {"val": "2020-01-12"}, "2020-01-12", ["2020-01-12"]):
        with pytest.raises(config.BadInput, match=r"data\.borders=.*: give {val: TIME, test: TIME}; "):
            cut("time", table(), borders=borders)


def test_groups_that_are_numbers_are_named_as_numbers_or_texts():
    parts = [cut("grouped", table(), unseen=unseen) for unseen in ([3], ["3"])]
    assert (parts[0] == parts[1]).all() and (parts[0] == "unseen").any()
    with pytest.raises(config.BadInput, match=r"data\.unseen: no group 99, nowhere; one is \d+"):
        cut("grouped", table(), unseen=["nowhere", 3, 99])


def test_a_split_by_time_needs_times():
    with pytest.raises(config.BadInput, match=r"needs the column of times: data\.time=COLUMN"):
        cut("time", table().drop(columns="end"))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_folds_by_group_test_every_sample_once(task):
    samples = table()
    folds = splits.folds(samples, by("grouped"), task, 5, 0)
    assert (sum((part == "test").astype(int) for part in folds) == 1).all()
    for part in folds:
        assert samples.assign(part=part).groupby("group").part.nunique().max() == 1
        assert set(part) == {"train", "val", "test"}


@pytest.mark.parametrize("kind", ["grouped", "time"])
@pytest.mark.parametrize("count", [9, 500])
def test_more_folds_than_groups_or_times_are_refused(kind, count):
    samples = table(groups=8)
    samples["end"] = samples["start"] = samples.group  # eight years
    with pytest.raises(config.BadInput, match=f"^folds={count}: too few groups or times; .* data$"):
        splits.folds(samples, by(kind), "classification", count, 0)


def test_folds_by_time_test_no_group_that_was_seen():
    samples = table(groups=150)
    for part in splits.folds(samples, by("time", whole=True), "regression", 3, 0):
        used = samples.assign(part=part)[part != "gap"]
        assert used.groupby("group").part.nunique().max() == 1


def test_folds_by_time_of_groups_that_all_come_again_name_a_remedy():
    with pytest.raises(config.BadInput, match=r" or data\.keep_groups_whole=false$"):
        splits.folds(table(groups=3), by("time", whole=True), "regression", 3, 0)


def test_folds_by_time_test_what_comes_after():
    samples = table()
    folds = splits.folds(samples, by("time"), "regression", 5, 0)
    assert (sum((part == "test").astype(int) for part in folds) <= 1).all()
    for part in folds:
        assert set(part) == {"train", "val", "test", "gap"}
        order(samples, part)


@pytest.fixture
def data(prepared, monkeypatch):
    """The prepared data of this project, in its folder; with what `dataset.read` returns."""
    monkeypatch.chdir(prepared.parents[1])
    return dataset.read()


def test_samples_are_what_their_arrays_say(data):
    x, y, samples, _ = data
    assert len(x) == len(y) == len(samples) == samples.id.nunique()
    assert np.array_equal(y, samples.label) and np.isfinite(y).all()


def keep_their_promise(samples: pd.DataFrame, cfg: DictConfig) -> None:
    """No group or no time is in two parts of the splits that say so; the random split does mix."""
    for split in cfg.splits:
        part = samples[split].to_numpy()
        used = samples[np.isin(part, list(SHARES))]
        parts = used.groupby("group")[split].nunique().max()
        if split == "grouped":
            assert parts == 1
        elif split == "time":
            order(samples, part)
            assert parts == 1 or not cfg.keep_groups_whole
        elif used.group.nunique() < len(used):
            assert parts > 1  # the leak of the usual split


def test_the_splits_of_this_project_keep_their_promise_and_balance(data):
    samples, cfg = data[2], settings().data
    keep_their_promise(samples, cfg)
    for split in cfg.splits:
        used = samples[samples[split].isin(list(SHARES))]
        if split != "time":
            shares = used.groupby(split).size() / len(used)
            assert shares.to_dict() == pytest.approx(dict(cfg.shares), abs=0.03)
            assert np.ptp(used.groupby(split).label.mean()) < 0.1 * used.label.std()


def test_the_folds_of_this_project_test_nothing_twice(data):
    samples, cfg = data[2], settings()
    folds = splits.folds(samples, cfg.data, data[3]["task"], cfg.folds, cfg.seed)
    assert (sum((part == "test").astype(int) for part in folds) <= 1).all()


@pytest.fixture
def told(tmp_path, monkeypatch):
    """How a small data set of one's own was prepared, in its folder."""
    monkeypatch.chdir(tmp_path)
    told = kind.own(tmp_path)
    prepare.main(config.compose(*told))
    return told


def test_a_split_that_keeps_no_group_apart_has_none_unseen(told):
    message = r"data\.unseen: a random split has none; add data\.split=grouped"
    refused(message, *told, "data.split=random", "data.unseen=[x]")


def test_the_splits_of_own_data_keep_their_promise(told):
    keep_their_promise(dataset.read()[2], config.compose(*told).data)


def frozen(told: list[str]) -> str:
    """The hash that a frozen split has to have."""
    with pytest.raises(config.BadInput) as error:
        prepare.check_frozen(dataset.read()[2], config.compose(*told, "data.split_sha256=none").data)
    return re.search("[0-9a-f]{64}", str(error.value))[0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.sha256=abc", r"conf/data expects abc; set data\.sha256=null to accept it"),
        ("data.sha256=0", r"conf/data expects 0; set data\.sha256=null to accept it"),
        ("data.split_sha256=0", r"set data\.split_sha256=null to accept a new split"),
        ("data.path=none", "none: no such file or folder"),
        ("data.path=null", r"give prepare data\.path=FILE or data\.kaggle=NAME"),
        ("data.kaggle=a/b", "and data.kaggle=a/b: set one of them to null"),
        ("data.shares.test=2", "'test': 2}: give train, val and test, numbers above 0 that sum to 1"),
        ("data.shares.test=all", "'test': 'all'}: give train, val and test"),
        ("~data.shares.val", "data.shares={'train': 0.6, 'test': 0.25}: give train, val and test"),
        ("data.shares=null", "data.shares=None: give train, val and test"),
        ("data.split=by-hand", r"data\.splits?[=:] ?by-hand[:;] choose of "),
        ("data.resample=month", "data.resample=month: choose of id, "),
        ("data.unseen=36", r"data\.unseen=36: write a list, data\.unseen=\[36\]"),
    ],
)
def test_what_is_refused_leaves_the_old_data(told, override, message):
    refused(message, *told, override)


def test_a_frozen_split_comes_out_the_same_or_is_refused(told):
    told = [*told, f"data.split_sha256={frozen(told)}"]
    prepare.main(config.compose(*told))
    refused(r"set data\.split_sha256=null to accept a new split", *told, "data.split_seed=1")


def test_a_crash_while_writing_leaves_the_old_data(told, monkeypatch):
    def crash(*_, **__):
        raise OSError("disk full")

    before = fetch.digest(dataset.FOLDER)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(pd.DataFrame, "to_parquet", crash)
        prepare.main(config.compose(*told))
    assert fetch.digest(dataset.FOLDER) == before
    prepare.main(config.compose(*told))
    assert fetch.digest(dataset.FOLDER) == before
