"""Tables, numbers and times as strangers write them; an error names file, row and column."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .errors import InputError

MAX_COLUMNS = 20_000  # of a CSV: pandas needs a minute for a million
# Columns of samples.parquet and of the predictions, which a slice must not overwrite
RESERVED = {"id", "label", "group", "block", "start", "end", "row", "split", "grouped", "time"}
RESERVED |= {"random", "network", "baseline", "constant"}
LARGEST = np.finfo(np.float32).max  # anything larger is infinite in float32 arrays


def table(path: Path | str, text_columns: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV (UTF-8; comma, semicolon or tab) or Parquet file; InputError if it is neither.

    `text_columns` keep their text, as 01. With semicolons or tabs, decimals may have a comma.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder; give the CSV or Parquet file in it")
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
            return frame.reset_index(drop=frame.index.names == [None])  # the index may hold times
        return csv_table(path, text_columns)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; save it as CSV in UTF-8, or as Parquet") from None
    except (ValueError, OSError, NotImplementedError, pd.errors.ParserWarning) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a CSV or Parquet table ({reason})") from None


def csv_table(path: Path, text_columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file, its separator and decimal sign inferred from the first 50 lines."""
    with path.open(encoding="utf-8-sig") as file:
        header, *lines = (file.readline() for _ in range(50))
    separator = max(",;\t", key=header.count)
    if header.count(separator) >= MAX_COLUMNS:
        raise InputError(f"more than {MAX_COLUMNS:,} columns; give fewer")
    fields = [field.strip() for line in lines for field in line.split(separator)]
    comma = separator != "," and any(re.fullmatch(r"-?\d+,\d+", field) for field in fields)
    options = {"sep": separator, "index_col": False, "encoding": "utf-8-sig", "low_memory": False}
    names = pd.read_csv(path, **options, header=None, nrows=1, dtype=str).iloc[0]
    duplicates = names[names.duplicated()].dropna()
    if len(duplicates):
        raise InputError(f"column {duplicates.iloc[0]} occurs twice; rename or remove one")
    options |= {"decimal": "," if comma else ".", "dtype": dict.fromkeys(text_columns, str)}
    # pandas only warns of rows that are longer than the header, and drops their last values
    with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
        frame = pd.read_csv(path, **options)
    if comma:
        for name in frame.columns.difference(text_columns):
            check_thousands(frame[name])
    return frame


def check_thousands(column: pd.Series) -> None:
    """InputError for 3.477 in a column of numbers where decimals have commas: it may be 3477."""
    if pd.api.types.is_numeric_dtype(column) or not column.dropna().map(type).eq(str).all():
        return
    text = column.str.strip()
    dotted = text.str.fullmatch(r"[-+]?\d{1,3}(\.\d{3})+(,\d+)?", na=False)
    number = r"[-+]?(\d+(\.\d+)?|\d{1,3}(\.\d{3})+)(,\d+)?"
    if text.dropna().str.fullmatch(number).all():
        refuse(column, dotted, "{} has a dot, and decimals a comma; write numbers without dots")


def listing(frame: pd.DataFrame) -> str:
    """The names of the first columns."""
    more = " ..." if len(frame.columns) > 12 else ""
    return ", ".join(map(str, frame.columns[:12])) + more


def check_columns(frame: pd.DataFrame, path: Path | str, settings: dict[str, object]) -> None:
    """InputError unless the columns exist that settings name: {setting: name, list or None}."""
    for key, value in settings.items():
        names = [value] if value is None or isinstance(value, str) else list(value)
        for name in names:
            if key == "slices" and name in RESERVED:
                raise InputError(f"{path}: data.slices: the project uses {name}; rename the column")
            if name is not None and name not in frame:
                there = f"there are {listing(frame)}"
                raise InputError(f"{path}: no column {name} (data.{key}); {there}")


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
        message = "{} is a fraction; give dates, or whole numbers such as years"
        refuse(column, values % 1 > 0, message)
        return values
    text = column.astype(str).str.replace(r"^(\d{4})/(\d\d)/", r"\1-\2-", regex=True)
    zoned = text.str.contains(r"\d(?:Z|[+-]\d\d:?\d\d)$")
    refuse(text, zoned != zoned.iloc[:1].any(), "{} mixes times with and without a time zone")
    values = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    wrong = ~values.dt.year.between(1678, 2261)  # the range of nanoseconds; NaT is outside
    refuse(text, wrong, "{!r} is not a time; write 2024-12-31 23:59")
    return values.dt.tz_localize(None)
