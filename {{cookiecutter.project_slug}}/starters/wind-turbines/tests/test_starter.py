"""The data is what the data card says, and no forecast sees what comes after it."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, settings

from {{ cookiecutter.package_name }} import dataset, inputs, starter

TERMS = "Licence Ouverte"
HOUR = pd.Timedelta(hours=1)
TURBINES = ["R80711", "R80721", "R80736", "R80790"]


@pytest.fixture(scope="module")
def data(prepared):
    """What `dataset.read` returns for the whole data set, with the moment of each forecast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(prepared.parents[1])
        x, y, samples, schema = dataset.read()
    return x, y, samples.assign(moment=samples.end - HOUR), schema


@pytest.fixture(scope="module")
def source(prepared):
    """The folder of the raw files."""
    return prepared.parents[1] / "data/raw/la_haute_borne"


@pytest.fixture(scope="module")
def raw(source):
    """The raw files as they are."""
    return {name: pd.read_csv(source / name) for name in (starter.MEASURED, starter.WEATHER)}


@pytest.fixture(scope="module")
def weather(raw):
    """ERA5 by its hours."""
    table = raw[starter.WEATHER]
    return table.set_index(pd.to_datetime(table.datetime))


# What the data card counts


def test_counts_of_the_data_card(raw):
    table = raw[starter.MEASURED]
    sizes, holes = (getattr(table.groupby("Wind_turbine_name").P_avg, name)() for name in ("size", "count"))
    assert sizes.to_dict() == dict.fromkeys(TURBINES, 105_120)
    assert (sizes - holes).tolist() == [475, 1209, 435, 450]
    assert table.duplicated(["Wind_turbine_name", "Date_time"]).sum() == 48
    assert raw[starter.WEATHER].datetime.str[:4].isin(["2014", "2015"]).sum() == 17_520


def test_no_stamp_is_there_twice_and_none_is_shifted_by_summer_time(raw, source):
    table = starter.measured(source / starter.MEASURED)
    assert len(table) == 4 * 105_120 - 96 and not table.duplicated(["turbine", "time"]).any()
    assert table.time.dt.tz is None
    stamps = raw[starter.MEASURED].Date_time[table.index].str[:16].str.replace("T", " ")
    assert table.time.dt.strftime("%Y-%m-%d %H:%M").equals(stamps)
    steps = table.sort_values("time").groupby("turbine").time.diff().value_counts()
    assert steps.to_dict() == {pd.Timedelta(minutes=10): len(table) - 12, 13 * HOUR / 6: 8}


@pytest.mark.parametrize("months", [(1, 2, 12), (6, 7, 8)])
def test_the_wind_keeps_step_with_the_reanalysis_in_winter_and_summer(source, weather, months):
    wind = starter.measured(source / starter.MEASURED).groupby("time").wind.mean()
    hours = weather.ws_100m[weather.index.month.isin(months)]
    lags = range(-120, 121, 20)
    moved = [wind.reindex(hours.index + pd.Timedelta(minutes=lag)).to_numpy() for lag in lags]
    alike = [hours.corr(pd.Series(one, hours.index)) for one in moved]
    assert abs(lags[int(np.argmax(alike))]) <= 20


def test_windows_of_the_data_card(data):
    x, y, samples, schema = data
    assert x.shape == (138_705, 24, 17) and np.isfinite(x).all() and np.isfinite(y).all()
    assert schema["channels"][0] == "power" and schema["series"] == TURBINES
    assert schema["step"] == 600 and schema["horizon"] * schema["step"] == 3600
    assert (samples.end - samples.start == pd.Timedelta(minutes=10) * (24 - 1 + 6)).all()
    assert y.min() > -20 and y.max() < 2060
    assert x[:, :, schema["channels"].index("temperature")].min() > -50


def test_channels_are_those_of_the_data_card(data):
    assert inputs.names(data[3]) == [
        *("power", "wind", "east", "north", "temperature"),
        *("era_wind", "era_east", "era_north", "era_pressure", "farm_power", "farm_wind"),
        *("hour_sin", "hour_cos"),
        *(f"is {name}" for name in TURBINES),
    ]


def test_slices_of_the_results(data):
    x, _, samples, _ = data
    for column in settings().data.slices:
        assert 3 <= samples[column].nunique() <= 4 and samples[column].notna().all()
    assert set(samples.season[samples.moment.dt.month.isin([12, 1, 2])]) == {"winter"}
    wind = pd.Series(x[:, -1, 1]).groupby(samples.strength).agg(["min", "max"])
    assert wind["max"]["calm"] <= 5 < wind["min"]["middle wind"]
    assert wind["max"]["middle wind"] <= 9 < wind["min"]["strong wind"]


# Nothing of the future


def test_the_target_is_the_power_of_the_same_turbine_an_hour_later(data):
    x, y, samples, _ = data
    now = pd.Series(x[:, -1, 0], pd.MultiIndex.from_frame(samples[["group", "moment"]]))
    later = now.reindex(pd.MultiIndex.from_frame(samples[["group", "end"]])).to_numpy()
    known = ~np.isnan(later)
    assert known.mean() > 0.99 and np.array_equal(later[known], y[known])


def test_weather_is_that_of_the_last_full_hour(data, weather):
    x, _, samples, schema = data
    rows = weather.loc[samples.moment.dt.floor("h")]
    expected = {"era_wind": rows.ws_100m, "era_east": rows.u_100, "era_north": rows.v_100}
    for name, values in {**expected, "era_pressure": rows.surf_pres / 100}.items():
        assert np.array_equal(x[:, -1, schema["channels"].index(name)], values.astype(np.float32))


def test_the_farm_is_the_mean_of_the_turbines_at_the_same_moment(data):
    x, _, samples, schema = data
    for name, place in (("farm_power", 0), ("farm_wind", 1)):
        mean = pd.Series(x[:, -1, place]).groupby(samples.moment).transform("mean")
        every = samples.groupby("moment").id.transform("size") == 4
        found = x[:, -1, schema["channels"].index(name)]
        assert every.mean() > 0.9 and np.allclose(found[every], mean[every], atol=1e-2)


def later_changed(table: pd.DataFrame, stamp: str, moment: pd.Timestamp) -> pd.DataFrame:
    """A raw table with every number after the moment replaced by another."""
    table = table.copy()
    later = pd.to_datetime(table[stamp].str[:16]) > moment
    for column in table.select_dtypes("number"):
        table[column] = table[column].astype(float).where(~later, 1234.5 - 3.7 * table[column])
    return table


@pytest.mark.parametrize("moment", ["2014-03-30 09:00", "2014-03-28 17:50"])
def test_a_forecast_does_not_change_with_what_comes_after_it(raw, monkeypatch, moment):
    moment, cfg = pd.Timestamp(moment), settings().data
    stamps = {starter.MEASURED: "Date_time", starter.WEATHER: "datetime"}
    weeks = {
        name: table[table[stamps[name]].between("2014-03-24", "2014-04-03")].reset_index(drop=True)
        for name, table in raw.items()
    }

    def windows(files: dict[str, pd.DataFrame]) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        monkeypatch.setattr(pd, "read_csv", lambda path: files[path.name])
        x, y, samples, _ = inputs.arrays(starter.tidy(ROOT, cfg), cfg)
        return x, y, samples

    x, y, samples = windows(weeks)
    other, others, same = windows(
        {name: later_changed(table, stamps[name], moment) for name, table in weeks.items()}
    )
    assert samples.id.equals(same.id)
    before = (samples.end - HOUR <= moment).to_numpy()
    assert before.sum() > 500 and np.array_equal(x[before], other[before])
    known = (samples.end <= moment).to_numpy()
    assert np.array_equal(y[known], others[known]) and (y[~known] != others[~known]).all()
    after = (samples.end - 3 * HOUR > moment).to_numpy()
    channels = slice(len(inputs.channels(starter.tidy(ROOT, cfg), cfg)))
    assert after.sum() > 500 and (x[after, -1, channels] != other[after, -1, channels]).mean() > 0.99


def test_the_parts_follow_each_other_and_keep_to_their_time(data):
    samples, borders = data[2], settings().data.borders
    edges = [pd.Timestamp.min, *(pd.Timestamp(borders[name]) for name in ("val", "test")), pd.Timestamp.max]
    for name, first, last in zip(("train", "val", "test"), edges[:-1], edges[1:], strict=True):
        part = samples[samples.time == name]
        assert len(part) > 10_000 and part.start.min() >= first and part.end.max() < last
    gap = samples[samples.time == "gap"]
    across = [((gap.start < edge) & (gap.end >= edge)).sum() for edge in edges[1:3]]
    assert min(across) > 0 and sum(across) == len(gap)
    assert samples.end[samples.time == "train"].max() < pd.Timestamp("2014-11-01")
    assert samples.start[samples.time == "test"].min() >= pd.Timestamp("2015-01-01")


def test_the_split_is_frozen():
    assert settings().data.split_sha256


def test_persistence_errs_by_what_was_measured_before(data, source):
    x, y, samples, _ = data
    test = (samples.time == "test").to_numpy()
    error = y[test] - x[test, -1, 0]
    assert np.abs(error).mean() == pytest.approx(133.7, abs=1.5)
    assert np.sqrt(np.square(error).mean()) == pytest.approx(217.5, abs=1.5)
    table = starter.measured(source / starter.MEASURED)
    power = table[table.time >= "2015"].pivot(index="time", columns="turbine", values="power")
    every = power.shift(freq=-HOUR).reindex(power.index) - power  # at every ten minutes
    assert every.abs().stack().mean() == pytest.approx(133.7, abs=0.2)
    assert np.sqrt(every.pow(2).stack().mean()) == pytest.approx(218.0, abs=0.2)


# Its terms


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/index.md"])
def test_terms_of_the_data_stand_where_it_is_shown(inside, page):
    text = (inside / page).read_text(encoding="utf-8")
    assert TERMS in text and "ENGIE" in text


def test_terms_stand_in_the_data_card():
    text = (ROOT / "docs/data-card.md").read_text(encoding="utf-8")
    assert TERMS in text and "opendata-renewables.engie.com" in text
