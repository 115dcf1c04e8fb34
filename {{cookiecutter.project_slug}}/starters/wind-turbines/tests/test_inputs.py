"""Series of one's own become windows; what is wrong with them gets one line and changes nothing."""

from pathlib import Path

import kind
import numpy as np
import pandas as pd
import pytest
from conftest import refused

from {{ cookiecutter.package_name }} import config, dataset, inputs, prepare

HISTORY, HORIZON = 6, 3
OWN = [*kind.OWN, "data.path=series.csv", "data.time=when", "data.target=load", "data.series=site"]
OWN += [f"data.history={HISTORY}", f"data.horizon={HORIZON}"]
LEFT_OUT = "data.drop=[bill,note]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which series have been prepared."""
    folder = tmp_path_factory.mktemp("series")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        own(kind.rows(150), LEFT_OUT)
    return folder


@pytest.fixture
def table(folder, monkeypatch):
    """The rows of series.csv, in the working directory."""
    monkeypatch.chdir(folder)
    table = kind.rows(150)
    table.to_csv("series.csv", index=False)
    return table


def own(table: pd.DataFrame, *overrides: str) -> tuple:
    """What `prepare` makes of the table."""
    table.to_csv("series.csv", index=False)
    prepare.main(config.compose(*OWN, *overrides))
    return dataset.read()


def one(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first site."""
    return table[table.site == "north"].reset_index(drop=True)


def complete(table: pd.DataFrame, stride: int = 1) -> list[tuple[pd.DataFrame, pd.Series]]:
    """The rows of each window and the row of its target, found the slow way, an hour between any two."""
    found = []
    for _, rows in table.assign(when=pd.to_datetime(table.when)).groupby("site"):
        for last in range(HISTORY - 1, len(rows) - HORIZON, stride):
            window, end = rows.iloc[last - HISTORY + 1 : last + 1], rows.iloc[last + HORIZON]
            whole = end.when - window.when.iloc[0] == pd.Timedelta(hours=HISTORY - 1 + HORIZON)
            if whole and window[["load", "wind"]].notna().all(axis=None) and pd.notna(end.load):
                found.append((window, end))
    return found


# What series may hold


@pytest.mark.parametrize("stride", [1, 4])
def test_windows_are_the_rows_before_and_targets_the_value_a_horizon_later(table, stride):
    x, y, samples, schema = own(table, LEFT_OUT, f"data.stride={stride}")
    expected = complete(table, stride)
    assert schema["channels"] == ["load", "wind", "open"] and schema["step"] == 3600
    assert len(x) == len(expected) < len(table) / stride - 40 / stride
    for i, (window, end) in enumerate(expected):
        values = window[["load", "wind", "open"]].to_numpy(np.float32)
        assert np.array_equal(x[i, :, :3], values) and y[i] == np.float32(end.load)
        assert samples.group[i] == end.site and samples.id[i].startswith(f"{end.site} 2024-01-")
        assert (samples.start[i], samples.end[i]) == (window.when.iloc[0], end.when)


def test_the_window_says_what_time_it_is_and_which_series(table):
    x, _, samples, schema = own(table, LEFT_OUT)
    assert inputs.names(schema)[3:] == ["hour_sin", "hour_cos", "is north", "is south"]
    hour = np.arctan2(x[:, -1, 3], x[:, -1, 4]) * 12 / np.pi % 24
    assert np.allclose(hour, (samples.end - pd.Timedelta(hours=HORIZON)).dt.hour % 24, atol=1e-4)
    for place, name in ((5, "north"), (6, "south")):
        assert np.array_equal(x[:, :, place] == 1, np.tile(samples.group == name, (HISTORY, 1)).T)


def test_one_series_needs_no_name(table):
    named = own(one(table), LEFT_OUT)
    plain = own(one(table).drop(columns="site"), LEFT_OUT, "data.series=null")
    assert np.array_equal(plain[0], named[0]) and np.array_equal(plain[1], named[1])
    assert plain[3]["series"] == named[3]["series"] == []
    assert set(plain[2].group) == {"series"}


def test_many_series_are_not_told_apart(table):
    many = pd.concat([one(table).assign(site=f"s{i}") for i in range(21)], ignore_index=True)
    x, _, samples, schema = own(many.sort_values("when", kind="stable"), LEFT_OUT)
    assert schema["series"] == [] and x.shape[2] == 5 and samples.group.nunique() == 21


def test_a_series_without_a_window_is_named(table, capsys):
    samples = own(pd.concat([table, one(table)[::4].assign(site="slow")], ignore_index=True), LEFT_OUT)[2]
    assert "left out, no window without a hole and with the usual step: slow\n" in capsys.readouterr().out
    assert "slow" not in set(samples.group)


def test_months_are_steps_too(table):
    months = pd.date_range("2010-01-31", periods=120, freq="ME").strftime("%Y-%m-%d")
    monthly = pd.DataFrame({"when": months, "load": np.arange(120.0) ** 1.5})
    x, y, samples, _ = own(monthly, "data.series=null")
    assert len(x) == 120 - HISTORY - HORIZON + 1
    assert np.array_equal(y, monthly.load[HISTORY + HORIZON - 1 :].astype(np.float32))
    assert samples.end.dt.strftime("%Y-%m-%d").tolist() == months[HISTORY + HORIZON - 1 :].tolist()


def test_rows_that_come_faster_are_no_steps(table):
    hourly = one(table).assign(load=lambda t: t.load.ffill(), wind=1)
    more = hourly.iloc[[80]].assign(when=f"{hourly.when[80][:-2]}20")
    faster = pd.concat([hourly[:81], more, hourly[81:]], ignore_index=True)
    plain, found = (own(rows, LEFT_OUT, "data.series=null") for rows in (hourly, faster))
    assert 0 < len(plain[0]) - len(found[0]) <= HISTORY + HORIZON


def test_texts_are_left_out_and_columns_can_be_dropped(table, capsys):
    assert own(table)[3]["channels"] == ["load", "wind", "open", "bill"]
    assert "column note: left out, it holds text" in capsys.readouterr().out
    assert own(table, "data.drop=[wind,bill]")[3]["channels"] == ["load", "open"]


def test_slices_are_told_as_they_were_at_the_moment_of_the_forecast(table):
    _, _, samples, schema = own(table, "data.slices=[note]", "data.drop=[bill]")
    assert schema["channels"] == ["load", "wind", "open"]
    assert samples.note.tolist() == [window.note.iloc[-1] for window, _ in complete(table)]


@pytest.mark.parametrize("write", ["semicolon", "tab", "bom", "zone", "parquet", "dates", "index"])
def test_every_kind_of_file_gives_the_same(table, write):
    plain = own(table, LEFT_OUT)
    how = {"semicolon": {"sep": ";"}, "tab": {"sep": "\t"}, "bom": {"encoding": "utf-8-sig"}}
    path = "series.parquet" if write in ("parquet", "dates", "index") else "other.csv"
    if write == "zone":
        table = table.assign(when=[f"{when}+00:00" for when in table.when])
    if write in ("dates", "index"):
        table = table.assign(when=pd.to_datetime(table.when), note=pd.to_datetime(table.when))
    if path == "other.csv":
        table.to_csv(path, index=False, **how.get(write, {}))
    else:
        (table.set_index("when") if write == "index" else table).to_parquet(path)
    prepare.main(config.compose(*OWN, "data.drop=[bill]", f"data.path={path}"))
    found = dataset.read()
    assert np.array_equal(found[0], plain[0]) and np.array_equal(found[1], plain[1])
    assert found[2].equals(plain[2]) and found[3] == plain[3]


# What is wrong with a table


def cell(column: str, row: int, value: object):
    """Changes one cell; rows are counted from 0 without the header."""
    return lambda table: table.astype({column: object}).assign(
        **{column: lambda t: [value if i == row else v for i, v in enumerate(t[column])]}
    )


BAD_TABLES = [
    (lambda t: t.iloc[::-1], [], "series.csv: row 4, column when: .* goes back in time; sort by time"),
    (cell("when", 40, "2024-01-01 03:00"), [], "row 42, column when: 2024-01-01 03:00 goes back in time"),
    (cell("when", 6, "2024-01-01 02:00"), [], "row 8, column when: 2024-01-01 02:00 occurs twice"),
    (cell("when", 40, "2024-01-01 20:00Z"), [], "row 42, column when: .* mixes times with and without"),
    (cell("when", 40, "noon"), [], "row 42, column when: 'noon' is no time; write 2024-12-31 23:59"),
    (cell("when", 40, None), [], "row 42, column when: .* is no time"),
    (lambda t: t.assign(when=range(len(t))), [], "column when holds numbers; write times such as 2024-12-31"),
    (cell("site", 40, None), [], "row 42, column site: the series is missing"),
    (cell("wind", 40, "calm"), [], "row 42, column wind: 'calm' is no finite number"),
    (cell("wind", 40, "inf"), [], "row 42, column wind: 'inf' is no finite number"),
    (cell("load", 40, "-inf"), [], "row 42, column load: '-inf' is no finite number"),
    (cell("load", 40, "1e39"), [], "row 42, column load: '1e.39' is no finite number"),
    (cell("load", 40, "high"), [], "row 42, column load: 'high' is no finite number"),
    (lambda t: t.assign(more=None), [], "column more: no value in any row; remove it or add it to data.drop"),
    (lambda t: t.assign(load=None), [], "column load: no value in any row"),
    (lambda t: t.assign(load=7), [], "column load: a single value, 7; nothing to learn"),
    (lambda t: t, ["data.horizon=200"], "series north: 150 rows; history 6 and horizon 200 need 206"),
    (lambda t: t.assign(load=t.load.where(t.index % 8 > 1)), ["data.history=24"], "no window of 24 rows"),
    (lambda t: t[:1], [], "series north: 1 rows; history 6 and horizon 3 need 9"),
    (lambda t: t[:0], [], "series.csv: no row"),
    (lambda t: one(t)[:11].fillna(1), [], "no sample lies wholly in the .* part; set data.borders"),
]


@pytest.mark.parametrize(("change", "told", "message"), BAD_TABLES)
def test_a_bad_table_gets_one_line(table, change, told, message):
    change(table).to_csv("series.csv", index=False)
    refused(message, *OWN, *told)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.path=none.csv", "none.csv: no such file or folder"),
        ("data.path=data", "data: a folder; give the CSV or Parquet file in it"),
        ("data.time=null", r"series.csv: set data\.time=COLUMN; there are when, site"),
        ("data.target=null", r"series.csv: set data\.target=COLUMN; there are when, site"),
        ("data.time=hour", r"no column hour \(data\.time\); there are when, site"),
        ("data.target=power", r"no column power \(data\.target\); there are when, site"),
        ("data.series=house", r"no column house \(data\.series\); there are when, site"),
        ("data.drop=[price]", r"no column price \(data\.drop\); there are when, site"),
        ("data.slices=[region]", r"no column region \(data\.slices\); there are when, site"),
        ("data.series=null", "column when: 2024-01-01 00:00 occurs twice"),
        ("data.horizon=0", r"data\.horizon=0: give a whole number, 1 or more"),
        ("data.history=2.5", r"data\.history=2\.5: give a whole number, 1 or more"),
        ("data.stride=often", r"data\.stride=often: give a whole number, 1 or more"),
        ("data.borders={val:spring,test:autumn}", r"data\.borders=.*'spring'.*; the times in the data"),
    ],
)
def test_a_bad_setting_gets_one_line(table, override, message):
    refused(message, *OWN, override)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "when,load\n2024-01-01,Müll\n".encode("latin-1"), "a.csv: not UTF-8"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "a.csv: not UTF-8"),
        ("a.csv", b"", "a.csv: not a CSV or Parquet table"),
        ("a.csv", b"when,load\n1,2\n1,2,3,4\n", "a.csv: not a CSV or Parquet table .*line 3"),
        ("a.csv", b"hello", r"a.csv: no column when \(data\.time\); there are hello"),
        ("a.parquet", b"hello", "a.parquet: not a CSV or Parquet table"),
    ],
)
def test_a_file_that_is_no_table_gets_one_line(table, name, content, message):
    Path(name).write_bytes(content)
    refused(message, *OWN, f"data.path={name}")


# A window to answer for


@pytest.fixture(scope="module")
def schema(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return own(kind.rows(150), LEFT_OUT)[3]


def test_a_file_is_read_as_the_window_that_ends_with_it(table):
    (x, _, _, schema), windows = own(table, LEFT_OUT), complete(table)
    for place in range(0, len(x), 7):
        rows = windows[place][0]
        earlier = rows.iloc[:2].assign(wind="long ago", when="before")
        pd.concat([earlier, rows]).to_csv("rows.csv", index=False)
        assert np.array_equal(inputs.read("rows.csv", schema), x[place : place + 1])


def hours(count: int = HISTORY, **columns) -> pd.DataFrame:
    """Rows of one site that a forecast could be made from, with these columns changed."""
    when = pd.date_range("2024-02-01", periods=count, freq="h")
    table = pd.DataFrame({"when": when, "site": "north", "load": 50.0, "wind": 3.5, "open": True})
    return table.assign(**columns)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (hours(5), "5 rows; a forecast needs the last 6"),
        (hours().drop(columns=["wind", "open"]), "no column wind, open; a forecast needs when, load, wind"),
        (hours().drop(columns="site"), "no column site; a forecast needs"),
        (hours(site="east"), "series east; the model knows north, south"),
        (hours(site=["north", "south"] * 3), "several series in the last 6 rows; give those of one"),
        (hours(20, wind=[1.0] * 17 + [None, 1, 1]), "row 19, column wind: missing"),
        (hours(load=[1, 2, "three", 4, 5, 6]), "row 4, column load: 'three' is no finite number"),
        (hours(load=[1, 2, 3, np.inf, 5, 6]), "row 5, column load: 'inf' is no finite number"),
        (hours(8).drop(index=4), "times must follow each other every 60 minutes"),
        (hours().iloc[::-1], "times must follow each other every 60 minutes"),
        (hours(when="2024-02-01 00:00"), "times must follow each other every 60 minutes"),
        (hours(when=pd.date_range("2024-02-01", periods=6, freq="min")), "times must follow each other"),
        (hours(when="noon"), "row 2, column when: 'noon' is no time"),
        (hours(when=2024), "column when holds numbers; write times such as 2024-12-31"),
    ],
)
def test_bad_rows_get_one_line(schema, tmp_path, monkeypatch, rows, message):
    monkeypatch.chdir(tmp_path)
    rows.to_csv("rows.csv", index=False)
    with pytest.raises(config.BadInput, match=message) as error:
        inputs.read("rows.csv", schema)
    assert "rows.csv: " in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_get_one_line(schema, tmp_path):
    for path, message in ((tmp_path / "none.csv", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(config.BadInput, match=message):
            inputs.read(path, schema)


# What moved a forecast


def test_an_explanation_of_a_sum_is_its_parts():
    class Sum:
        """A model whose middle answer adds up the window, the second channel twice."""

        schema = {"channels": ["a", "b"]}  # noqa: RUF012

        def __call__(self, x: np.ndarray) -> np.ndarray:
            middle = x[:, :, 0].sum(1) + 2 * x[:, :, 1].sum(1)
            return np.stack([middle - 1, middle, middle + 1], axis=1)

    x = np.random.default_rng(0).normal(size=(8, 3))
    found = inputs.explain(Sum(), x, block=3)
    parts = (x - x.mean(0))[:, :2] * [1, 2]
    assert np.allclose(found, [parts[:3].sum(0), parts[3:6].sum(0), parts[6:].sum(0)])
