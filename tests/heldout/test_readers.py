"""Tables, numbers and times of strangers, and data/prepared."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from heldout import InputError, prepared, readers
from heldout.errors import atomic_write, making
from hypothesis import given, settings
from hypothesis import strategies as st


def replaced(column: pd.Series, row: int, value: object) -> pd.Series:
    """The column with another value in one row, counted from 0."""
    column = column.astype(object)
    column.iloc[row] = value
    return column


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"code": ["01", "02", "10"], "a": [1.5, np.nan, -3], "text": ["x;y", "ü", "1,5 m"]})


@pytest.mark.parametrize("kind", ["comma", "semicolon", "tab", "bom", "german", "parquet", "index"])
def test_formats_of_tables(tmp_path, frame, kind):
    options = {"semicolon": {"sep": ";"}, "tab": {"sep": "\t"}, "bom": {"encoding": "utf-8-sig"}}
    options["german"] = {"sep": ";", "decimal": ","}
    path = tmp_path / ("a.parquet" if kind in ("parquet", "index") else "a.csv")
    if kind == "index":
        frame.set_index("code").to_parquet(path)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, **options.get(kind, {}))
    pd.testing.assert_frame_equal(readers.table(path, ["code"]), frame, check_dtype=False)


def test_addresses_beside_decimal_commas_are_texts(tmp_path):
    (tmp_path / "a.csv").write_text("a;b\n192.168.100.200;1,5\n10.0.0.1;2,5\n")
    table = readers.table(tmp_path / "a.csv")
    assert table.a.tolist() == ["192.168.100.200", "10.0.0.1"] and table.b.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "name,left\nMüller,yes\n".encode("latin-1"), "not a CSV .UTF-8. .*codec"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "not a CSV .UTF-8. .*codec"),
        ("a.csv", b"", "not a CSV .UTF-8. or Parquet table"),
        ("a.csv", b"\n\n", "not a CSV .UTF-8. or Parquet table"),
        ("a.csv", b"a,b\n1,2\n1,2,3,4\n", "not a CSV .UTF-8. or Parquet table: .*line 3"),
        ("a.csv", b"a,b\n1,2,3\n3,4,5\n", "not a CSV .UTF-8. or Parquet table: .*loss of data"),
        ("a.csv", b"a,b,a\n1,2,3\n", "column a occurs twice; rename or remove one"),
        ("a.csv", b"a;b\n +3.477;1,5\n643;2,5\n", r"row 2, column a:  \+3\.477 has a dot"),
        ("a.csv", b"a,b\n", "no row; give at least one"),
        ("a.csv", b"," * 20_000, "more than 20,000 columns"),
        ("a.parquet", b"hello", "not a CSV .UTF-8. or Parquet table"),
        ("a.parquet", b"", "not a CSV .UTF-8. or Parquet table"),
    ],
)
def test_file_that_is_no_table(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        readers.table(tmp_path / name)
    assert str(raised.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(raised.value)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match=r"no such file, or a folder; give a CSV or Parquet file"):
            readers.table(path)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=120))
def test_any_bytes_are_a_table_or_one_line(tmp_path_factory, content):
    for suffix in ("csv", "parquet"):
        path = tmp_path_factory.getbasetemp() / f"bytes.{suffix}"
        path.write_bytes(content)
        try:
            assert isinstance(readers.table(path), pd.DataFrame)
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("old", "'old' is not a finite number"),
        ("inf", "'inf' is not a finite number"),
        ("1e39", "'1e39' is not a finite number"),
        (None, "missing"),
    ],
)
def test_numbers(value, message):
    column = pd.Series(np.arange(9.0), name="age")
    with pytest.raises(InputError, match=rf"^row 7, column age: {message}$"):
        readers.numbers(replaced(column, 5, value), missing=False)
    assert readers.numbers(replaced(column, 5, None)).isna().sum() == 1
    assert readers.numbers(column.astype(str)).equals(column)


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-31 10:00", "2024-02-01 00:30"],
        ["2024-01-31T10:00:00Z", "2024-02-01T00:30:00Z"],
        ["2024-01-31 12:00+02:00", "2024-01-31 20:30-04:00"],
        ["2024/01/31 10:00", "2024/02/01 00:30"],
        pd.to_datetime(["2024-01-31 10:00", "2024-02-01 00:30"]),
    ],
)
def test_times(texts):
    expected = [pd.Timestamp("2024-01-31 10:00"), pd.Timestamp("2024-02-01 00:30")]
    assert readers.times(pd.Series(texts)).tolist() == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Monday", "'Monday' is not a time; write 2024-12-31 23:59"),
        ("3000-01-01", "is not a time"),
        ("31.12.2024", "is not a time"),
        (None, "is not a time"),
    ],
)
def test_wrong_times(value, message):
    days = pd.Series(pd.date_range("2020-01-01", periods=9).astype(str), name="day")
    with pytest.raises(InputError, match=f"^row 7, column day: .*{message}"):
        readers.times(replaced(days, 5, value))


def test_years_are_times():
    years = pd.Series([2000, 2001, 2001], name="year")
    assert readers.times(years).tolist() == [2000, 2001, 2001]
    with pytest.raises(InputError, match=r"row 3, column year: 2000\.5 is a fraction; give dates"):
        readers.times(pd.Series([2000, 2000.5], name="year"))


def test_columns_and_classes():
    frame = pd.DataFrame(columns=[f"c{i}" for i in range(13)])
    readers.check_columns(frame, "a.csv", {"target": "c1", "drop": ["c2"], "id": None})
    with pytest.raises(InputError, match=r"^a.csv: no column x \(data.drop\); there are c0, .* \.\.\.$"):
        readers.check_columns(frame, "a.csv", {"target": "c1", "drop": ["x"]})
    for values in (["0", "1"], ["No", "Yes"], ["False", "True"]):
        assert readers.positive_value(values, None, "a.csv: classes") == values[1]
    assert readers.positive_value(["1", "2"], 1, "a.csv: classes") == "1"
    message = "a.csv: classes bad, good; name the positive one, data.positive=VALUE, not 1"
    with pytest.raises(InputError, match=message):
        readers.positive_value(["bad", "good"], 1, "a.csv: classes")


# data/prepared


def test_prepared_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "data/prepared"
    samples = pd.DataFrame({"id": ["a", "b"], "label": [0, 1]})
    hashes = set()
    for x in (np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 3))):
        prepared.write(folder, {"x": x}, samples, {"task": "regression"})
        schema = json.loads((folder / "schema.json").read_text())
        hashes.add(schema["data"])
        assert np.array_equal(np.load(folder / "x.npy"), x) and schema["task"] == "regression"
        assert pd.read_parquet(folder / "samples.parquet").equals(samples)
        assert [path.name for path in folder.parent.iterdir()] == ["prepared"]
    prepared.write(folder, {"x": np.ones((2, 3))}, samples.assign(label=1), {"task": "regression"})
    hashes.add(json.loads((folder / "schema.json").read_text())["data"])
    assert len(hashes) == 3  # equal data, equal hash
    with pytest.raises(TypeError):
        prepared.write(folder, {"x": x}, samples, {"task": object()})
    assert np.load(folder / "x.npy").shape == (2, 3)


def test_model_of_other_data(tmp_path):
    prepared.check_same_data("model.onnx", {"data": "1"}, {"data": "1"})
    with pytest.raises(InputError, match=r"^model.onnx: made from other data; make it anew"):
        prepared.check_same_data("model.onnx", {"data": "1"}, {"data": "2"})


def test_files_are_written_whole(tmp_path):
    path = tmp_path / "a.json"
    atomic_write(path, "ü\n")
    assert path.read_bytes() == "ü\n".encode()
    with pytest.raises(ZeroDivisionError), making(tmp_path / "b") as new:
        new.write_text("half")
        raise ZeroDivisionError
    with making(tmp_path / "c") as new:
        new.mkdir()
        Path(new, "1").write_text("one")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "c"]
