"""Labels, areas and splits of the caravan table; user-supplied tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from heldout import config, splits

from {{ cookiecutter.package_name }} import data

OWN = [f"data.{name}=null" for name in ("sha256", "kaggle", "positive", "id", "group", "time")]
OWN = ["data=own", "data.path=table.csv", "data.draws=20", "data.drop=[]", "data.slices=[]", *OWN]


@pytest.fixture
def starter(prepared, monkeypatch):
    monkeypatch.chdir(prepared.parents[1])
    return data.load_prepared()


def test_policyholders_are_the_positive_class(starter):
    x, samples, schema = starter
    assert len(samples) == 5822 and samples.label.sum() == 348  # of the CoIL Challenge
    assert schema["names"]["positive"] == "policyholder"
    assert x.shape == (5822, 85) and len(schema["columns"]) == 85  # neither target nor slices


def test_an_area_is_inferred_from_its_columns_and_never_in_two_splits(starter):
    x, samples, _ = starter
    areas = pd.DataFrame(x[:, : data.N_AREA_COLUMNS]).groupby(samples.group)
    assert areas.nunique().max(axis=None) == 1
    assert samples.groupby("group").grouped.nunique().max() == 1
    assert samples.groupby("group").random.nunique().max() > 1  # the leakage under study
    frozen = config.compose("data=starter", root=ROOT).data.split_sha256
    assert splits.verify_frozen(samples, ["grouped", "random"], None) == frozen


def own_table(n: int = 120) -> pd.DataFrame:
    """Customers of three rows each, with missing values; `left` and `cost` can be predicted."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"customer": [f"c{i // 3}" for i in range(n)]})
    table["day"] = pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d")
    table["age"] = rng.integers(18, 90, n).astype(object)
    table["plan"], table["left"] = rng.choice(["basic", "full"], n), rng.choice(["yes", "no"], n)
    table["cost"] = rng.normal(100, 20, n).round(2)
    table.loc[::9, "age"], table.loc[1::9, "plan"] = None, None
    return table


def prepare_own(table: pd.DataFrame, *overrides: str) -> tuple:
    table.to_csv("table.csv", index=False)
    data.main(config.compose(*OWN, "data.target=left", *overrides, root=ROOT))
    return data.load_prepared()


def test_a_user_supplied_table_is_encoded():
    table = own_table()
    x, samples, schema = prepare_own(table, "data.group=customer", "data.drop=[day,cost]")
    assert [column["name"] for column in schema["columns"]] == ["age", "plan"]
    assert schema["task"] == "classification"
    np.testing.assert_array_equal(samples.label == 1, table.left == "yes")
    np.testing.assert_array_equal(x[:, 0], table.age.astype(np.float32))
    # NaN where the table has none
    np.testing.assert_array_equal(x[:, 1], table.plan.map({"basic": 0, "full": 1}).astype(float))
    assert samples.groupby("group").grouped.nunique().max() == 1


def test_without_a_group_identical_rows_stay_together():
    twice = pd.concat([own_table(60)] * 2, ignore_index=True)
    _, samples, _ = prepare_own(twice, "data.drop=[customer,day]")
    assert samples.group.nunique() == 60
    assert samples.groupby("group").grouped.nunique().max() == 1


def test_by_time_the_latest_rows_are_the_test_and_intervals_resample_blocks_of_time():
    table = pd.concat([own_table()] * 2).sort_values("day")
    _, samples, schema = prepare_own(table, "data.time=day", "data.drop=[customer]")
    end = samples.groupby("time").end.agg(["min", "max"])
    assert end["max"]["train"] < end["min"]["val"] and end["max"]["val"] < end["min"]["test"]
    assert schema["names"]["block"] == "block of time"
    assert samples.block.tolist() == samples.end.dt.strftime("%Y-%m-%d").tolist()


@pytest.mark.parametrize(
    ("column", "value", "overrides", "message"),
    [
        ("age", "old", [], "row 7, column age: 'old'"),
        ("left", None, [], "row 7, column left"),
        ("left", "maybe", [], "column left: values maybe, no, yes"),
        ("day", "Monday", ["data.time=day"], "row 7, column day: 'Monday'"),
        ("customer", None, ["data.group=customer"], "row 7, column customer|group"),
        ("age", 7, ["data.split=shuffled"], "data.split=shuffled"),
    ],
)
def test_bad_input_gets_one_line_and_changes_nothing(column, value, overrides, message):
    table = own_table().astype(object)
    table.loc[5, column] = value
    with pytest.raises(SystemExit, match=rf"^error: [^\n]*({message})[^\n]*$"):
        prepare_own(table, *overrides)
    assert not Path("data").exists()
