"""Reads CSV and Parquet files, their numbers and their times; what cannot be read gets one line."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .config import BadInput

COLUMNS = 20_000  # of a CSV, at most: pandas needs a minute for a million
LARGEST = np.finfo(np.float32).max  # what is larger would be infinite in the arrays, which are float32


def load(source: Path | str, texts: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV (UTF-8; comma, semicolon or tab) or Parquet file; BadInput if it is not one.

    Columns in `texts` stay texts, as 01. With semicolons or tabs, decimals may have a comma.
    """
    source = Path(source)
    if source.is_dir():
        raise BadInput(f"{source}: a folder; give the CSV or Parquet file in it")
    try:
        if source.suffix == ".parquet":
            table = pd.read_parquet(source)
            return table.reset_index(drop=table.index.names == [None])  # pandas may keep the times there
        with source.open(encoding="utf-8-sig") as file:
            header, *lines = (file.readline() for _ in range(50))
        sep = max(",;\t", key=header.count)
        if header.count(sep) >= COLUMNS:
            raise BadInput(f"{source}: more than {COLUMNS:,} columns; give fewer")
        fields = [field.strip() for line in lines for field in line.split(sep)]
        comma = sep != "," and any(re.fullmatch(r"-?\d+,\d+", field) for field in fields)
        how = {"sep": sep, "index_col": False, "encoding": "utf-8-sig", "low_memory": False}
        names = pd.read_csv(source, **how, header=None, nrows=1, dtype=str).iloc[0]
        if (twice := names[names.duplicated()].dropna()).size:
            raise BadInput(f"{source}: column {twice.iloc[0]} occurs twice; rename or remove one")
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):  # rows longer than it
            table = pd.read_csv(source, **how, decimal="," if comma else ".", dtype=dict.fromkeys(texts, str))
        for name in table.columns.difference(texts) if comma else []:
            no_dots(source, table[name])
        return table
    except BadInput:
        raise
    except FileNotFoundError:
        raise BadInput(f"{source}: no such file") from None
    except UnicodeDecodeError:
        raise BadInput(f"{source}: not UTF-8; save it as CSV in UTF-8, or as Parquet") from None
    except (ValueError, OSError, NotImplementedError, pd.errors.ParserWarning) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{source}: not a CSV or Parquet table ({reason})") from None


def no_dots(source: Path, column: pd.Series) -> None:
    """BadInput for 3.477 in a column of numbers of a file whose decimals have commas: it may be 3477."""
    if pd.api.types.is_numeric_dtype(column) or not column.dropna().map(type).eq(str).all():
        return
    text = column.str.strip()
    dotted = text.str.fullmatch(r"[-+]?\d{1,3}(\.\d{3})+(,\d+)?", na=False)
    if dotted.any() and text.dropna().str.fullmatch(r"[-+]?(\d+(\.\d+)?|\d{1,3}(\.\d{3})+)(,\d+)?").all():
        what = "{} has a dot, and decimals a comma; write a number without dots, a name with a letter"
        raise BadInput(f"{source}: {bad(column, dotted, what)}")


def listing(table: pd.DataFrame) -> str:
    """The first columns by name."""
    return ", ".join(map(str, table.columns[:12])) + (" ..." if len(table.columns) > 12 else "")


def obvious(values: list[str]) -> str | None:
    """The one of two values to find, where they leave no doubt: 1 of 0 and 1, yes of no and yes."""
    pairs = {"0 1", "0.0 1.0", "false true", "no yes", "n y", "negative positive"}
    return values[1] if " ".join(values).lower() in pairs else None


def bad(column: pd.Series, wrong: pd.Series, what: str) -> BadInput:
    """Names row and column of the first value that is `wrong` (n,); in `what`, {} stands for the value."""
    row = int(wrong.to_numpy().argmax())
    return BadInput(f"row {column.index[row] + 2}, column {column.name}: {what.format(column.iloc[row])}")


def numeric(column: pd.Series) -> pd.Series:
    """The column as float64, NaN where a value is no number."""
    if pd.api.types.is_datetime64_any_dtype(column):  # as in a CSV
        column = column.astype(str)
    return pd.to_numeric(column, errors="coerce").astype(float)


def numbers(column: pd.Series, missing: bool = True) -> pd.Series:
    """The column as float64; BadInput for a text, an infinite number, or a hole if none may be."""
    found = numeric(column)
    wrong = (found.isna() & (column.notna() | (not missing))) | (found.abs() > LARGEST)
    if wrong.any():
        raise bad(column, wrong, "missing" if column[wrong].isna().iloc[0] else "'{}' is no finite number")
    return found


def moments(column: pd.Series) -> pd.Series:
    """Points in time: whole numbers such as years as they are, else dates without zone, in UTC."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        found = numbers(column, missing=False)
        if (broken := found % 1 > 0).any():
            raise bad(column, broken, "{} is a fraction; give dates, or whole numbers such as years")
        return found
    text = column.astype(str).str.replace(r"^(\d{4})/(\d\d)/", r"\1-\2-", regex=True)
    zoned = text.str.contains(r"\d(?:Z|[+-]\d\d:?\d\d)$")
    if zoned.any() and not zoned.all():
        raise bad(text, zoned != zoned.iloc[0], "{} mixes times with and without a zone")
    found = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    wrong = ~found.dt.year.between(1678, 2261)  # what nanoseconds can hold; False where there is no time
    if wrong.any():
        raise bad(text, wrong, "{!r} is no time; write 2024-12-31 23:59")
    return found.dt.tz_localize(None)
