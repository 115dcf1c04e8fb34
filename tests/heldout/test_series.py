"""A stranger's time series: checks of a whole table, and the rows of one forecast."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from heldout import InputError, series

COLUMNS = {"time": "when", "target": "load", "series": "site"}
SCHEMA = {
    "time": "when",
    "channels": ["load", "wind", "open"],
    "series_column": "site",
    "series": ["north", "south"],
    "history": 6,
    "step": 3600,
}


@pytest.fixture
def table(tmp_path, monkeypatch) -> pd.DataFrame:
    """50 hours of two sites, by site; the working directory is empty."""
    monkeypatch.chdir(tmp_path)
    hours = pd.date_range("2024-01-01", periods=50, freq="h").strftime("%Y-%m-%d %H:%M")
    load = np.random.default_rng(0).normal(50, 9, 50)
    sites = [pd.DataFrame({"when": hours, "site": s, "load": load}) for s in ("north", "south")]
    return pd.concat(sites, ignore_index=True)


def changed(table: pd.DataFrame, name: str, row: int, value: object) -> pd.DataFrame:
    column = table[name].astype(object)
    column.iloc[row] = value
    return table.assign(**{name: column})


def read(table: pd.DataFrame, **columns: object) -> pd.DataFrame:
    table.to_csv("series.csv", index=False)
    return series.read_series(Path("series.csv"), **{**COLUMNS, **columns})


@pytest.mark.parametrize("kind", ["plain", "tab", "zone", "dates", "index", "folder"])
def test_formats_of_series(table, tmp_path, kind):
    expected = read(table)
    assert expected.when.dtype.kind == "M" and len(expected) == 100
    path = tmp_path / "other.csv"
    if kind in ("dates", "index"):
        path = tmp_path / "other.parquet"
        dated = table.assign(when=pd.to_datetime(table.when))
        (dated.set_index("when") if kind == "index" else dated).to_parquet(path)
    elif kind == "folder":  # of a Kaggle competition
        (tmp_path / "train").mkdir()
        table.to_csv(tmp_path / "train/train.csv", index=False)
        path = tmp_path / "train"
    else:
        zoned = table.assign(when=table.when + "+00:00") if kind == "zone" else table
        zoned.to_csv(path, index=False, sep="\t" if kind == "tab" else ",")
    pd.testing.assert_frame_equal(series.read_series(path, **COLUMNS), expected, check_dtype=False, check_like=True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("when", "2024-01-01 03:00", "when: 2024-01-01 03:00 goes back in time; sort by time"),
        ("when", "2024-01-02 15:00", "when: 2024-01-02 15:00 occurs twice"),
        ("when", "noon", "when: 'noon' is not a time; write 2024-12-31 23:59"),
        ("when", None, "when: .* is not a time"),
        ("site", None, "site: the series is missing"),
    ],
)
def test_wrong_row(table, name, value, message):
    with pytest.raises(InputError, match=f"^series.csv: row 42, column {message}"):
        read(changed(table, name, 40, value))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": None}, "series.csv: set data.time=COLUMN; there are when, site, load"),
        ({"target": None}, "series.csv: set data.target=COLUMN; there are when, site, load"),
        ({"time": "hour"}, r"series.csv: no column hour \(data.time\); there are when, site"),
        ({"target": "power"}, r"series.csv: no column power \(data.target\); there are when"),
        ({"series": "house"}, r"series.csv: no column house \(data.series\); there are when"),
        ({"slices": ["region"]}, r"series.csv: no column region \(data.slices\); there are when"),
        ({"time": "load"}, "series.csv: column load holds numbers; write times such as 2024-12-31"),
        ({"series": None}, r"series.csv: row 52, column when: 2024-01-01 00:00 goes back in time"),
    ],
)
def test_wrong_setting(table, columns, message):
    with pytest.raises(InputError, match=f"^{message}"):
        read(table, **columns)


def test_empty_and_missing_table(table, tmp_path):
    with pytest.raises(InputError, match=r"^series.csv: no row"):
        read(table[:0])
    for path, message in ((tmp_path / "none.csv", "no such file"), (tmp_path, "or a folder; give")):
        with pytest.raises(InputError, match=message):
            series.read_series(path, **COLUMNS)


# The rows of one forecast


def hours(count: int = 6, **columns: object) -> pd.DataFrame:
    """Rows of one site as a forecast needs them, with these columns changed."""
    when = pd.date_range("2024-02-01", periods=count, freq="h")
    rows = {"when": when, "site": "north", "load": 50.0, "wind": 3.5, "open": True}
    return pd.DataFrame(rows).assign(**columns)


def test_last_rows_are_used(table):
    rows = hours(9, load=np.arange(9.0))
    rows = rows.astype({"when": str, "load": object})
    rows.loc[:1, ["when", "load"]] = ["earlier", "unknown"]  # not in the last six rows
    rows.to_csv("rows.csv", index=False)
    window = series.last_rows("rows.csv", SCHEMA)
    assert window.load.tolist() == [3, 4, 5, 6, 7, 8] and window.open.tolist() == [1] * 6
    assert window.when.iloc[-1] == pd.Timestamp("2024-02-01 08:00")
    rows.drop(columns="site").to_csv("rows.csv", index=False)
    assert len(series.last_rows("rows.csv", {**SCHEMA, "series": []})) == 6


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (hours(5), "5 rows; a forecast needs 6"),
        (hours().drop(columns=["wind", "open"]), "no column wind, open .needed by the model.; there are when, "),
        (hours().drop(columns="site"), "no column site .needed by the model.; there are"),
        (hours(site="east"), "series east; give rows of one of north, south"),
        (hours(site=["north", "south"] * 3), "series north, south; give rows of one of north, south"),
        (hours(20, wind=[1.0] * 17 + [None, 1, 1]), "row 19, column wind: missing"),
        (hours(load=[1, 2, "three", 4, 5, 6]), "row 4, column load: 'three' is not a finite"),
        (hours(load=[1, 2, 3, np.inf, 5, 6]), "row 5, column load: 'inf' is not a finite"),
        (hours(8).drop(index=4), "times must follow each other every 60 minutes"),
        (hours().iloc[::-1], "times must follow each other every 60 minutes"),
        (hours(when="2024-02-01 00:00"), "times must follow each other every 60 minutes"),
        (hours(when=pd.date_range("2024", periods=6, freq="min")), "times must follow each other"),
        (hours(when="noon"), "row 2, column when: 'noon' is not a time"),
        (hours(when=2024), "column when holds numbers; write times such as 2024-12-31"),
    ],
)
def test_wrong_rows(table, rows, message):
    rows.to_csv("rows.csv", index=False)
    with pytest.raises(InputError, match=f"^rows.csv: {message}") as raised:
        series.last_rows("rows.csv", SCHEMA)
    assert "\n" not in str(raised.value)
