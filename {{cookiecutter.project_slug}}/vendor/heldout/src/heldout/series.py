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
    train = path / "train.csv" if path.is_dir() else path
    table = readers.table(train if train.exists() else path)
    for key, name in (("time", time), ("target", target)):
        if name is None:
            raise InputError(f"{path}: set data.{key}=COLUMN; there are {readers.listing(table)}")
    columns |= {"time": time, "target": target, "series": series}
    readers.check_columns(table, path, columns)
    if table.empty:
        raise InputError(f"{path}: no row")
    with prefix_errors(path):
        return table.assign(**{time: ordered_times(table, time, series)})


def ordered_times(table: pd.DataFrame, time: str, series: str | None) -> pd.Series:
    """The points in time of a table; InputError unless they increase within each series."""
    names = pd.Series("series", table.index)
    if series is not None:
        names = table[series]
        readers.refuse(names, names.isna(), "the series is missing")
    times = timestamps(table[time])
    step = times.groupby(names).diff()
    readers.refuse(table[time], step < pd.Timedelta(0), "{} goes back in time; sort by time")
    readers.refuse(table[time], step == pd.Timedelta(0), "{} occurs twice")
    return times


def timestamps(column: pd.Series) -> pd.Series:
    """Points in time without zone, in UTC; InputError for numbers."""
    if pd.api.types.is_numeric_dtype(column):
        remedy = "write times such as 2024-12-31 23:59"
        raise InputError(f"column {column.name} holds numbers; {remedy}")
    return readers.times(column)


def number_columns(table: pd.DataFrame, exclude: Iterable[str]) -> list[str]:
    """Names of the columns of numbers, without those to exclude; prints those left out.

    Nine of ten values have to be numbers: `readers.numbers` then names the row of another one.
    """
    columns = []
    for name in table.columns.difference(list(exclude), sort=False):
        if readers.numeric(table[name].dropna()).notna().mean() >= 0.9:
            columns.append(str(name))
        else:
            print(f"column {name}: left out, it has no numbers")
    return columns


def last_rows(path: Path | str, schema: dict) -> pd.DataFrame:
    """The last schema["history"] rows of a file of one series, as a forecast needs them.

    schema has time, channels, series_column, series (names, or []), history and step (seconds).
    """
    table = readers.table(path)
    needed = [schema["time"], *schema["channels"]]
    if schema["series"]:
        needed.append(schema["series_column"])
    missing = [name for name in needed if name not in table]
    if missing:
        columns = ", ".join(missing[:5])
        raise InputError(f"{path}: no column {columns}; a forecast needs {', '.join(needed)}")
    if len(table) < schema["history"]:
        raise InputError(f"{path}: {len(table)} rows; a forecast needs {schema['history']}")
    rows = table.iloc[-schema["history"] :].copy()
    if schema["series_column"] in rows:
        names = rows[schema["series_column"]].astype(str).unique()
        if len(names) > 1:
            raise InputError(f"{path}: several series in the last {len(rows)} rows; give one")
        if schema["series"] and names[0] not in schema["series"]:
            raise InputError(f"{path}: series {names[0]}; the model knows {schema['series']}")
    with prefix_errors(path):
        rows[schema["time"]] = timestamps(rows[schema["time"]])
        for name in schema["channels"]:
            rows[name] = readers.numbers(rows[name], missing=False)
    steps = rows[schema["time"]].diff().dt.total_seconds().iloc[1:]
    if ((steps / schema["step"] - 1).abs() > 0.5).any():
        minutes = schema["step"] / 60
        raise InputError(f"{path}: times must follow each other every {minutes:g} minutes")
    return rows
