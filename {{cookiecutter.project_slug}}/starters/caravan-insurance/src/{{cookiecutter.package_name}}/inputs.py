"""Tables -> arrays: of a data set for prepare.py, of rows for the demo; and what spoke for an answer."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from . import tables
from .config import BadInput

if TYPE_CHECKING:  # predict.py imports this module
    from .predict import Model

FILES = "CSV or Parquet files"
FEWEST = 50  # rows to split, learn from and test on
NUMBERS = 0.9  # share of a column's values that must be numbers to make it a column of numbers
LEVELS = 50  # most frequent values of a text column that are told apart


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """An own table as it is, with rows to learn from and the columns that conf/data names."""
    train = source / "train.csv" if source.is_dir() else source  # as Kaggle's competitions have it
    table = tables.load(train if train.exists() else source)
    if data.target is None:
        raise BadInput(f"{source}: set data.target=COLUMN; there are {tables.listing(table)}")
    for key in ("target", "id", "group", "time", "drop", "show", "slices"):
        for name in data[key] if key in ("drop", "show", "slices") else [data[key]]:
            if name is not None and name not in table:
                raise BadInput(f"{source}: no column {name} (data.{key}); there are {tables.listing(table)}")
    if len(table) < FEWEST:
        raise BadInput(f"{source}: {len(table)} rows; at least {FEWEST} are needed")
    if data.id is not None and table[data.id].duplicated().any():
        raise tables.bad(table[data.id], table[data.id].duplicated(), "{} occurs twice")
    if data.group is not None and table[data.group].isna().any():
        raise tables.bad(table[data.group], table[data.group].isna(), "the group is missing")
    return table


def arrays(table: pd.DataFrame, data: DictConfig) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict]:
    """x float32 (n, columns), codes of texts, NaN for missing; y (n,), samples and schema."""
    table = table.reset_index(drop=True)
    y, task = target(table[data.target], data)
    kept = {data.target, data.id, data.group, data.time, *data.drop}
    columns = [column for column in map(describe, (table[c] for c in table if c not in kept)) if column]
    if not columns:
        raise BadInput("no column is left to learn from; see data.drop")
    schema = {"task": task, "columns": columns}
    x = encode(table, schema)
    samples = pd.DataFrame({"id": table[data.id] if data.id else np.arange(len(table)), "label": y})
    if data.group:
        samples["group"] = pd.factorize(table[data.group])[0] if data.starter else table[data.group]
    else:  # at least the rows that are equal in all columns stay together
        names = [c["name"] for c in columns]
        samples["group"] = table[names].astype(str).groupby(names, dropna=False, sort=False).ngroup()
    for name in data.slices:
        samples[name] = table[name].astype(str)
    if data.time:
        samples["end"] = samples["start"] = tables.moments(table[data.time])
    return x, y, samples, schema


def target(column: pd.Series, data: DictConfig) -> tuple[np.ndarray, str]:
    """The labels float32 (n,) and the task: numbers of many values are predicted, others found."""
    name = column.name
    if column.isna().any():
        raise tables.bad(column, column.isna(), "no target (empty, NA, None, null); give one or drop the row")
    values = sorted(column.astype(str).unique())
    if len(values) == 1:
        raise BadInput(f"column {name}: a single value, {values[0]}; nothing to learn")
    if data.positive is None and len(values) > 10 and pd.api.types.is_numeric_dtype(column):
        return tables.numbers(column).to_numpy(np.float32), "regression"
    if data.positive is None and len(values) > 10 and tables.numeric(column).notna().mean() >= NUMBERS:
        tables.numbers(column)  # names the text among the numbers
    positive = data.positive if data.positive is not None else tables.obvious(values)
    if str(positive) not in values:
        names = ", ".join(values[:9]) + (", ..." if len(values) > 9 else "")
        wrong = "" if data.positive is None else f", not {positive}"
        raise BadInput(f"column {name}: values {names}; name the one to find with data.positive=VALUE{wrong}")
    found = (column.astype(str) == str(positive)).to_numpy(np.float32)
    if min(found.sum(), len(found) - found.sum()) < 10:
        raise BadInput(
            f"column {name}: {int(found.sum())} rows are {positive}; at least 10 of each are needed"
        )
    return found, "classification"


def describe(column: pd.Series) -> dict | None:
    """What a column holds: name, typical value and, of texts, values; None if it counts or names the rows."""
    name = str(column.name)
    known = column.dropna()
    if known.empty:
        raise BadInput(f"column {name}: no value in any row; remove it or add it to data.drop")
    share = tables.numeric(known).notna().mean()
    if share >= NUMBERS:
        found = tables.numbers(column)
        if (found.diff()[1:] == 1).all() and len(found) > 2:
            print(f"column {name}: left out, it counts the rows")
            return None
        low, typical, high = (float(found.quantile(q)) for q in (0, 0.5, 1))
        return {"name": name, "typical": typical, "low": low, "high": high}
    counts = known.astype(str).value_counts()
    if len(counts) > max(LEVELS, len(known) / 2):
        print(f"column {name}: left out, {len(counts)} different texts")
        return None
    return {"name": name, "typical": counts.index[0], "values": sorted(counts.index[:LEVELS])}


def encode(table: pd.DataFrame, schema: dict) -> np.ndarray:
    """x float32 (n, columns) of rows that have the columns of the schema; unknown texts are missing."""
    missing = [c["name"] for c in schema["columns"] if c["name"] not in table]
    if missing:
        raise BadInput(f"no column {', '.join(missing[:5])}; {len(schema['columns'])} columns are needed")
    found = []
    for column in schema["columns"]:
        raw = table[column["name"]]
        if "values" in column:
            codes = pd.Categorical(raw.astype(str).where(raw.notna()), column["values"]).codes.astype(float)
            found.append(np.where(codes < 0, np.nan, codes))
            continue
        found.append(tables.numbers(raw).to_numpy())
    return np.stack(found, axis=1).astype(np.float32)


def read(path: Path | str, schema: dict) -> np.ndarray:
    """The rows of a CSV or Parquet file as the model takes them: float32 (n, columns)."""
    table = tables.load(path, texts=[c["name"] for c in schema["columns"] if "values" in c])
    if table.empty:
        raise BadInput(f"{path}: no row; give at least one")
    try:
        return encode(table, schema)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def unlabelled(folder: Path, key: str, model: "Model") -> tuple[pd.Series, np.ndarray]:
    """Ids and answers for test.csv of a competition; `key` is its column of ids."""
    found = sorted(folder.rglob("test*.csv"))
    if not found:
        raise BadInput(f"{folder}: no test.csv")
    table = tables.load(found[0], texts=[key])
    if key not in table:
        raise BadInput(f"{found[0]}: no column {key}")
    return table[key], model(read(found[0], model.schema))


def typical(schema: dict) -> np.ndarray:
    """The typical value of each column as the model takes it, float32 (columns,)."""
    values = [c["values"].index(c["typical"]) if "values" in c else c["typical"] for c in schema["columns"]]
    return np.array(values, np.float32)


def explain(model: "Model", x: np.ndarray) -> np.ndarray:
    """How much the answer for x (columns,) would change if a column were typical instead: (columns,).

    Log-odds of a probability, or units of the target; 0 where a column is typical. Columns that say
    the same share their effect, so the parts need not add up.
    """
    usual = typical(model.schema)
    hidden = np.tile(x, (len(x) + 1, 1))
    hidden[np.arange(len(x)), np.arange(len(x))] = usual
    found = level(model(hidden))
    return np.where(x == usual, 0, found[-1] - found[:-1])  # and not what rounding leaves


def level(answer: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities (n,), or the middle of forecasts (n, 3)."""
    if answer.ndim == 2:
        return answer[:, 1].astype(float)
    p = np.clip(answer.astype(float), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def text(value: float, column: dict) -> str:
    """A value of x as a person would write it."""
    if np.isnan(value):
        return "missing"
    return column["values"][int(value)] if "values" in column else f"{float(str(np.float32(value))):.9g}"
