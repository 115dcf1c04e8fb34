"""Tables, numbers and times as strangers write them; an error names file, row and column."""

import csv
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .errors import InputError, one_line, prefix_errors

MAX_COLUMNS = 20_000  # of a CSV: pandas needs a minute for a million
# Columns of samples.parquet and of the predictions, which a slice must not overwrite
RESERVED = {"id", "label", "group", "block", "start", "end", "row", "split", "grouped", "time"}
RESERVED |= {"random", "network", "baseline", "constant"}
LARGEST = np.finfo(np.float32).max  # anything larger is infinite in float32 arrays


def table(path: Path | str, text_columns: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV (UTF-8; comma, semicolon or tab) or Parquet file; InputError if neither, or empty.

    `text_columns` keep their text, as 01. With semicolons or tabs, decimals may have a comma.
    """
    path = Path(path)
    with prefix_errors(path), one_line("not a CSV (UTF-8) or Parquet table"):
        if not path.is_file():
            raise InputError("no such file, or a folder; give a CSV or Parquet file")
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
            frame = frame.reset_index(drop=frame.index.names == [None])  # it may hold times
        else:
            frame = csv_table(path, text_columns)
        if frame.empty:
            raise InputError("no row; give at least one")
    return frame


def csv_table(path: Path, text_columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file, its separator and decimal sign inferred from the first 50 lines."""
    with path.open(encoding="utf-8-sig") as file:
        header, *lines = (file.readline() for _ in range(50))
    separator = max(",;\t", key=header.count)
    names = pd.Series(next(csv.reader([header], delimiter=separator)), dtype=str)
    if len(names) > MAX_COLUMNS:
        raise InputError(f"more than {MAX_COLUMNS:,} columns; give fewer")
    for name in names[names.duplicated() & (names != "")]:
        raise InputError(f"column {name} occurs twice; rename or remove one")
    has_commas = re.search(r"(?m)(^|[;\t]) *-?\d+,\d+ *($|[;\t])", "".join(lines))
    decimal = "," if separator != "," and has_commas else "."
    options = {"sep": separator, "decimal": decimal, "encoding": "utf-8-sig", "low_memory": False}
    dtype = dict.fromkeys(text_columns, str)
    # pandas only warns of rows that are longer than the header, and drops their last values
    with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
        frame = pd.read_csv(path, index_col=False, dtype=dtype, **options)
    if decimal == ",":
        for name in frame.select_dtypes(exclude="number").columns.difference(text_columns):
            check_thousands(frame[name])
    return frame


def check_thousands(column: pd.Series) -> None:
    """InputError for 3.477 in a column of numbers where decimals have commas: it may be 3477."""
    texts = column.astype(str).str.strip()
    if texts[column.notna()].str.fullmatch(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?").all():
        dotted = texts.str.contains(".", regex=False)
        refuse(column, dotted, "{} has a dot, and decimals a comma; write numbers without dots")


def listing(frame: pd.DataFrame) -> str:
    """The names of the first columns."""
    more = " ..." if len(frame.columns) > 12 else ""
    return ", ".join(map(str, frame.columns[:12])) + more


def check_columns(frame: pd.DataFrame, path: Path | str, settings: dict[str, object]) -> None:
    """InputError unless the columns exist that settings name: {setting: name, list or None}."""
    for key, value in settings.items():
        names = [value] if isinstance(value, str) else list(value or [])
        for name in RESERVED.intersection(names if key == "slices" else []):
            raise InputError(f"{path}: data.slices: the project uses {name}; rename the column")
        with prefix_errors(path):
            require(frame, names, f"data.{key}")


def require(frame: pd.DataFrame, names: Iterable[str], source: str) -> None:
    """InputError if a column is missing that `source`, such as data.target, names."""
    missing = [name for name in names if name not in frame]
    if missing:
        columns = ", ".join(missing[:5])
        raise InputError(f"no column {columns} ({source}); there are {listing(frame)}")


def positive_value(values: Sequence[str], positive: object, name: str) -> str:
    """`positive` as text; InputError, which begins with `name`, if it is none of the sorted values.

    None stands for the obvious one of two: 1 of 0 and 1, yes of no and yes.
    """
    pairs = {"0 1", "0.0 1.0", "false true", "no yes", "n y", "negative positive"}
    if positive is None and " ".join(values).lower() in pairs:
        return values[1]
    if str(positive) in values:
        return str(positive)
    names = ", ".join(values[:9]) + (", ..." if len(values) > 9 else "")
    wrong = "" if positive is None else f", not {positive}"
    raise InputError(f"{name} {names}; name the positive one, data.positive=VALUE{wrong}")


def refuse(column: pd.Series, wrong: pd.Series, message: str) -> None:
    """InputError that names row and column of the first value with wrong (n,) True, if any.

    {} in the message stands for the value. Rows count as in a text editor, the header is row 1.
    """
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        text = message.format(column.iloc[row])
        raise InputError(f"row {column.index[row] + 2}, column {column.name}: {text}")


def numeric(column: pd.Series) -> pd.Series:
    """The column as float64, NaN where a value is no number."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.astype(str)
    return pd.to_numeric(column, errors="coerce").astype(float)


def is_numeric(column: pd.Series) -> bool:
    """Whether at least nine of ten values are numbers: `numbers` then names another one's row."""
    return numeric(column.dropna()).notna().mean() >= 0.9


def numbers(column: pd.Series, missing: bool = True) -> pd.Series:
    """The column as float64; InputError for a text, an infinite number, or a gap if none may be."""
    values = numeric(column)
    if not missing:
        refuse(column, column.isna(), "missing")
    wrong = (values.isna() & column.notna()) | (values.abs() > LARGEST)
    refuse(column, wrong, "'{}' is not a finite number")
    return values


def times(column: pd.Series) -> pd.Series:
    """Points in time: whole numbers such as years as they are, else dates without zone, in UTC."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = numbers(column, missing=False)
        refuse(
            column, values % 1 > 0, "{} is a fraction; give dates, or whole numbers such as years"
        )
        return values
    text = column.astype(str).str.replace(r"^(\d{4})/(\d\d)/", r"\1-\2-", regex=True)
    values = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    wrong = ~values.dt.year.between(1678, 2261)  # the range of nanoseconds; NaT is outside
    refuse(text, wrong, "{!r} is not a time; write 2024-12-31 23:59")
    return values.dt.tz_localize(None)
