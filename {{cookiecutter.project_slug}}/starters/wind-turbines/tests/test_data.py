"""Windows, units and splits of the wind turbines; user-supplied series."""

from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from heldout import config, fetch

from {{ cookiecutter.package_name }} import data
from {{ cookiecutter.package_name }}.windows import make_windows

HISTORY, HORIZON = 6, 2  # rows, of the user-supplied series
START = pd.Timestamp("2024-01-01")


@pytest.fixture
def starter(prepared, monkeypatch):
    monkeypatch.chdir(prepared.parents[1])
    return data.load_prepared()


def test_units_match_the_documentation(starter):
    windows, _, schema = starter
    now = pd.DataFrame(windows[::50, -1, : len(schema["channels"])], columns=schema["channels"])
    assert schema["horizon"] * schema["step"] == 3600  # seconds
    assert 1900 < now.power.max() < 2200  # kW of a 2 MW turbine
    assert now.wind.between(0, 40).all() and now.temperature.between(-20, 45).all()  # m/s, C
    np.testing.assert_allclose(np.hypot(now.east, now.north), now.wind, atol=0.01)


def test_no_window_spans_a_split_boundary(starter):
    samples, borders = starter[1], config.compose("data=starter", root=ROOT).data.borders
    times = samples.groupby("time")
    start, end = times.start.min(), times.end.max()
    assert end["train"] < pd.Timestamp(borders.val) <= start["val"]
    assert end["val"] < pd.Timestamp(borders.test) <= start["test"]


def test_windows_do_not_change_with_the_future(monkeypatch):
    settings, now = config.compose("data=starter", root=ROOT).data, pd.Timestamp("2014-06-01 12:00")
    source, _ = fetch.source(settings)
    turbines = data.load_turbines(source / data.TURBINES)
    turbines = turbines[turbines.time.between("2014-05-28", "2014-06-03")].copy()
    results = []
    for value in (0.0, 10.0):
        turbines.loc[turbines.time > now, ["power", "wind", "east", "north", "temperature"]] = value
        monkeypatch.setattr(data, "load_turbines", mock.Mock(return_value=turbines))
        windows, samples, _ = make_windows(data.load_haute_borne(source), settings)
        results.append(windows[samples.end <= now + pd.Timedelta(hours=1)])
    assert len(results[0]) > 500
    np.testing.assert_array_equal(*results)


def own_series(n: int = 300) -> pd.DataFrame:
    """Two sites, hour by hour: load and wind."""
    rng, tables = np.random.default_rng(0), []
    when = pd.date_range(START, periods=n, freq="h").strftime("%Y-%m-%d %H:%M")
    for site in ("north", "south"):
        load, wind = rng.normal(50, 9, n).round(2), rng.uniform(0, 20, n).round(2)
        tables.append(pd.DataFrame({"when": when, "site": site, "load": load, "wind": wind}))
    return pd.concat(tables, ignore_index=True)


def prepare_own(table: pd.DataFrame, *overrides: str) -> tuple:
    table.to_csv("series.csv", index=False)
    own = ["data=own", "data.path=series.csv", "data.sha256=null", "data.kaggle=null"]
    own += ["data.time=when", "data.target=load", "data.series=site", "data.drop=[]"]
    own += [f"data.history={HISTORY}", f"data.horizon={HORIZON}", *overrides]
    data.main(config.compose(*own, root=ROOT))
    return data.load_prepared()


def test_windows_are_the_rows_up_to_the_forecast():
    table = own_series()
    windows, samples, schema = prepare_own(table)
    assert schema["channels"] == ["load", "wind"] and schema["series"] == ["north", "south"]
    n, values = 300 - HISTORY - HORIZON + 1, table[["load", "wind"]].to_numpy(np.float32)
    assert len(windows) == 2 * n
    for i in (0, 1, n - 1):  # of the first site
        np.testing.assert_array_equal(windows[i, :, :2], values[i : i + HISTORY])
        assert samples.label[i] == values[i + HISTORY - 1 + HORIZON, 0]
    np.testing.assert_array_equal(windows[:, 0, 4] == 1, samples.group == "north")


def test_no_window_spans_a_gap():
    table = own_series().drop(index=range(100, 110))
    table.loc[200, "wind"] = np.nan
    samples = prepare_own(table)[1].query("group == 'north'")
    assert ((samples.end - samples.start) == pd.Timedelta(hours=HISTORY - 1 + HORIZON)).all()
    first = (samples.start - START) // pd.Timedelta(hours=1)
    assert not first.between(200 - HISTORY + 1, 200).any()
    assert len(samples) == 300 - 2 * (HISTORY + HORIZON - 1) - 10 - HISTORY


def test_one_series_needs_no_name():
    table = own_series()[:300].drop(columns="site")
    windows, samples, schema = prepare_own(table, "data.series=null")
    assert windows.shape == (293, HISTORY, 4) and schema["series"] == []
    assert set(samples.group) == {"series"} and set(samples.time) >= {"train", "val", "test"}


@pytest.mark.parametrize(
    ("column", "value", "overrides", "message"),
    [
        ("wind", "calm", [], "row 42, column wind: 'calm'"),
        ("when", "noon", [], "row 42, column when: 'noon'"),
        ("when", "2024-01-01 03:00", [], "row 42, column when: .* back in time"),
        ("site", None, [], "row 42, column site: the series is missing"),
        ("wind", 1, ["data.series=null"], "column when: 2024-01-01 00:00 goes back in time"),
        ("wind", 1, ["data.history=400"], "series north: 300 rows"),
    ],
)
def test_bad_input_gets_one_line_and_changes_nothing(column, value, overrides, message):
    table = own_series().astype(object)
    table.loc[40, column] = value
    with pytest.raises(SystemExit, match=rf"^error: [^\n]*{message}[^\n]*$"):
        prepare_own(table, *overrides)
    assert not Path("data").exists()
