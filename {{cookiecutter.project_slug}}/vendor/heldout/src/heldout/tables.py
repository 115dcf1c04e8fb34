"""Columns of a table -> numbers: numeric columns as they are, texts as codes, gaps as NaN.

A schema is a list with one dict per column: name, typical, and low and high of a numeric column or
the `values` of a text column.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from . import readers
from .errors import InputError, prefix_errors

MAX_VALUES = 50  # most frequent values of a text column that get a code
MAX_CLASSES = 10  # a numeric target with more values is a regression
MIN_CLASS = 10  # rows of either class


def target(column: pd.Series, positive: str | None) -> tuple[np.ndarray, str]:
    """Labels float32 (n,) and the task: numbers of many values are a "regression".

    In a "classification" the label is 1 for the value `positive`; None if it is obvious, as in no
    and yes. InputError for gaps, a single value, or a class of fewer than MIN_CLASS rows.
    """
    name, missing = column.name, column.isna()
    readers.refuse(column, missing, "no target (empty, NA, None, null); add it or remove the row")
    values = sorted(column.astype(str).unique())
    if len(values) == 1:
        raise InputError(f"column {name}: a single value, {values[0]}; there is nothing to learn")
    if positive is None and len(values) > MAX_CLASSES and readers.is_numeric(column):
        return readers.numbers(column).to_numpy(np.float32), "regression"
    positive = readers.positive_value(values, positive, f"column {name}: values")
    labels = (column.astype(str) == positive).to_numpy(np.float32)
    count = int(labels.sum())
    if not MIN_CLASS <= count <= len(labels) - MIN_CLASS:
        needed = f"at least {MIN_CLASS} of each class are needed"
        raise InputError(f"column {name}: {count} rows are {positive}; {needed}")
    return labels, "classification"


def column_schema(table: pd.DataFrame, exclude: Sequence[str] = ()) -> list[dict]:
    """The schema of all columns but `exclude`; prints the columns that it leaves out, and why."""
    described = [describe(table[name]) for name in table if name not in exclude]
    columns = [column for column in described if column is not None]
    if not columns:
        raise InputError("no column is left to learn from; see data.drop")
    return columns


def describe(column: pd.Series) -> dict | None:
    """Schema of one column; None if it numbers the rows or is different in most of them."""
    name, present = str(column.name), column.dropna()
    if present.empty:
        raise InputError(f"column {name}: no value in any row; remove it or add it to data.drop")
    if readers.is_numeric(column):
        values = readers.numbers(column)
        if (values.diff()[1:] == 1).all() and len(values) > 2:
            print(f"column {name}: left out, it numbers the rows")
            return None
        low, typical, high = (float(values.quantile(q)) for q in (0, 0.5, 1))
        return {"name": name, "typical": typical, "low": low, "high": high}
    counts = present.astype(str).value_counts()
    if len(counts) > max(MAX_VALUES, len(present) / 2):
        print(f"column {name}: left out, {len(counts)} different texts")
        return None
    return {"name": name, "typical": counts.index[0], "values": sorted(counts.index[:MAX_VALUES])}


def encode(table: pd.DataFrame, columns: Sequence[dict]) -> np.ndarray:
    """float32 (n, columns) of a table that has the columns of the schema; unknown texts are NaN."""
    readers.require(table, [column["name"] for column in columns], "needed by the model")
    encoded = np.empty((len(table), len(columns)), np.float32)
    for i, column in enumerate(columns):
        values = table[column["name"]]
        if "values" in column:
            texts = values.astype(str).where(values.notna())
            codes = pd.Index(column["values"]).get_indexer(texts)
            encoded[:, i] = np.where(codes < 0, np.nan, codes)
        else:
            encoded[:, i] = readers.numbers(values)
    return encoded


def read_rows(path: Path | str, columns: Sequence[dict]) -> np.ndarray:
    """The rows of a CSV or Parquet file, encoded (n, columns)."""
    table = readers.table(path, [column["name"] for column in columns if "values" in column])
    with prefix_errors(path):
        return encode(table, columns)


def typical(columns: Sequence[dict]) -> np.ndarray:
    """The typical value of each column, encoded (columns,): median, or most frequent text."""
    row = {column["name"]: column["typical"] for column in columns}
    return encode(pd.DataFrame([row]), columns)[0]


def as_text(value: float, column: dict) -> str:
    """An encoded value as a person would write it."""
    if np.isnan(value):
        return "missing"
    if "values" in column:
        return column["values"][int(value)]
    return f"{float(str(np.float32(value))):.9g}"
