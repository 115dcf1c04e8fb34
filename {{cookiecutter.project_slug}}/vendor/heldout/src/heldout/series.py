"""Time series as strangers bring them: checks of a whole table, and the last rows of a file."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from . import readers
from .errors import InputError, prefix_errors


def read_series(
    path: Path, *, time: str | None, target: str | None, series: str | None, **columns: object
) -> pd.DataFrame:
    """A table of one or several series, `time` parsed; InputError unless each is in order of time.

    Args:
        path: CSV or Parquet file, or the folder of a Kaggle competition with train.csv
        time, target, series: names of columns; series is None if there is one
        columns: other settings that name columns, such as slices=[...], for the error message
    """
    train = path / "train.csv"
    table = readers.table(train if train.is_file() else path)
    for key, name in (("time", time), ("target", target)):
        if name is None:
            raise InputError(f"{path}: set data.{key}=COLUMN; there are {readers.listing(table)}")
    columns |= {"time": time, "target": target, "series": series}
    readers.check_columns(table, path, columns)
    with prefix_errors(path):
        names = table[series] if series else pd.Series("series", table.index)
        readers.refuse(names, names.isna(), "the series is missing")
        times = timestamps(table[time])
        step = times.groupby(names).diff() / pd.Timedelta("1s")
        readers.refuse(table[time], step < 0, "{} goes back in time; sort by time")
        readers.refuse(table[time], step == 0, "{} occurs twice")
    return table.assign(**{time: times})


def timestamps(column: pd.Series) -> pd.Series:
    """Points in time without zone, in UTC; InputError for numbers."""
    if pd.api.types.is_numeric_dtype(column):
        remedy = "write times such as 2024-12-31 23:59"
        raise InputError(f"column {column.name} holds numbers; {remedy}")
    return readers.times(column)


def number_columns(table: pd.DataFrame, exclude: Iterable[str]) -> list[str]:
    """Names of the columns of numbers, without those to exclude; prints those left out."""
    columns = []
    for name in table.columns.difference(list(exclude), sort=False):
        if readers.is_numeric(table[name]):
            columns.append(str(name))
        else:
            print(f"column {name}: left out, it has no numbers")
    return columns


def last_rows(path: Path | str, schema: dict) -> pd.DataFrame:
    """The last schema["history"] rows of a file of one series, as a forecast needs them.

    schema has time, channels, series_column, series (names, or []), history and step (seconds).
    """
    table, column, known = readers.table(path), schema["series_column"], schema["series"]
    rows = table.tail(schema["history"]).copy()
    with prefix_errors(path):
        needed = [schema["time"], *schema["channels"], *([column] if known else [])]
        readers.require(table, needed, "needed by the model")
        if len(rows) < schema["history"]:
            raise InputError(f"{len(rows)} rows; a forecast needs {schema['history']}")
        names = sorted({*rows[column].astype(str)}) if column in rows else []
        if len(names) > 1 or (known and names[0] not in known):
            choices = ", ".join(known or names)
            raise InputError(f"series {', '.join(names)}; give rows of one of {choices}")
        rows[schema["time"]] = timestamps(rows[schema["time"]])
        for name in schema["channels"]:
            rows[name] = readers.numbers(rows[name], missing=False)
        steps = rows[schema["time"]].diff().dt.total_seconds().iloc[1:]
        if ((steps / schema["step"] - 1).abs() > 0.5).any():
            minutes = schema["step"] / 60
            raise InputError(f"times must follow each other every {minutes:g} minutes")
    return rows
