"""Tables -> arrays: of a data set for prepare.py, of rows for the demo; and what spoke for an answer."""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from .config import BadInput

FILES = "CSV or Parquet files"
FEWEST = 50  # rows to split, learn from and test on
NUMBERS = 0.9  # share of a column's values that must be numbers to make it a column of numbers
LEVELS = 50  # most frequent values of a text column that are told apart


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """An own table as it is, with rows to learn from and the columns that conf/data names."""
    table = load(source)
    for key in ("target", "id", "group", "time"):
        if key == "target" and data.target is None:
            raise BadInput(f"{source}: set data.target=COLUMN; there are {listing(table)}")
        if data[key] is not None and data[key] not in table:
            raise BadInput(f"{source}: no column {data[key]} (data.{key}); there are {listing(table)}")
    if len(table) < FEWEST:
        raise BadInput(f"{source}: {len(table)} rows; at least {FEWEST} are needed")
    if data.id is not None and table[data.id].duplicated().any():
        row = int(table[data.id].duplicated().argmax())
        raise BadInput(f"{source}: row {row + 2}, column {data.id}: {table[data.id][row]} occurs twice")
    return table


def load(source: Path | str) -> pd.DataFrame:
    """A CSV (UTF-8, comma or semicolon) or Parquet file; BadInput if it is not one."""
    source = Path(source)
    if source.is_dir():
        raise BadInput(f"{source}: a folder; give the CSV or Parquet file in it")
    try:
        if source.suffix == ".parquet":
            return pd.read_parquet(source)
        with source.open(encoding="utf-8-sig") as file:
            header = file.readline()
        return pd.read_csv(source, sep=max(",;\t", key=header.count), encoding="utf-8-sig", low_memory=False)
    except FileNotFoundError:
        raise BadInput(f"{source}: no such file") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{source}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{source}: not a CSV or Parquet table ({reason})") from None


def listing(table: pd.DataFrame) -> str:
    """The first columns by name."""
    return ", ".join(map(str, table.columns[:12])) + (" ..." if len(table.columns) > 12 else "")


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
    # Without a group at least the rows that are equal in all columns stay together.
    samples["group"] = (
        table[data.group] if data.group else table[[c["name"] for c in columns]].astype(str).sum(axis=1)
    )
    samples["group"] = pd.factorize(samples.group)[0]
    for name in data.slices:
        samples[name] = table[name].astype(str)
    if data.time:
        samples["time"] = samples["start"] = moments(table[data.time])
    return x, y, samples, schema


def target(column: pd.Series, data: DictConfig) -> tuple[np.ndarray, str]:
    """The labels float32 (n,) and the task: numbers of many values are predicted, others found."""
    name = column.name
    if column.isna().any():
        raise BadInput(
            f"row {int(column.isna().argmax()) + 2}, column {name}: the target is missing; remove the row"
        )
    values = sorted(column.astype(str).unique())
    if len(values) == 1:
        raise BadInput(f"column {name}: a single value, {values[0]}; nothing to learn")
    if data.positive is None and len(values) > 10 and pd.api.types.is_numeric_dtype(column):
        return finite(column).to_numpy(np.float32), "regression"
    positive = data.positive if data.positive is not None else values[1] if len(values) == 2 else None
    if str(positive) not in values:
        names = ", ".join(values[:9])
        raise BadInput(f"column {name}: values {names}; name the one to find with data.positive=VALUE")
    found = (column.astype(str) == str(positive)).to_numpy(np.float32)
    if min(found.sum(), len(found) - found.sum()) < 10:
        raise BadInput(
            f"column {name}: {int(found.sum())} rows are {positive}; at least 10 of each are needed"
        )
    return found, "classification"


def finite(column: pd.Series) -> pd.Series:
    """The column of numbers, none of them infinite."""
    if (bad := np.isinf(column)).any():
        raise BadInput(
            f"row {int(bad.argmax()) + 2}, column {column.name}: infinite; give a number or nothing"
        )
    return column


def describe(column: pd.Series) -> dict | None:
    """What a column holds: name, typical value and, of texts, values; None if every row has another text."""
    name = str(column.name)
    known = column.dropna()
    if known.empty:
        raise BadInput(f"column {name}: no value in any row; remove it or add it to data.drop")
    numbers = numeric(known)
    share = numbers.notna().mean()
    if share >= NUMBERS:
        if share < 1:
            row = numbers.index[numbers.isna()][0]
            raise BadInput(f"row {row + 2}, column {name}: {known[row]!r} in a column of numbers")
        finite(numbers)
        low, typical, high = (float(numbers.quantile(q)) for q in (0, 0.5, 1))
        return {"name": name, "typical": typical, "low": low, "high": high}
    counts = known.astype(str).value_counts()
    if len(counts) > max(LEVELS, len(known) / 2):
        print(f"column {name}: left out, {len(counts)} different texts")
        return None
    return {"name": name, "typical": counts.index[0], "values": sorted(counts.index[:LEVELS])}


def numeric(column: pd.Series) -> pd.Series:
    """The column as float64, NaN where a value is no number."""
    if column.dtype == bool:
        return column.astype(float)
    return pd.to_numeric(column, errors="coerce").astype(float)


def moments(column: pd.Series) -> pd.Series:
    """Points in time: numbers such as years as they are, else dates, in UTC."""
    if pd.api.types.is_numeric_dtype(column):
        if column.isna().any():
            raise BadInput(f"row {int(column.isna().argmax()) + 2}, column {column.name}: no time")
        return column
    text = column.astype(str)
    zoned = text.str.contains(r"\d(?:Z|[+-]\d\d:?\d\d)$")
    if zoned.any() and not zoned.all():
        row = int((zoned != zoned.iloc[0]).argmax())
        raise BadInput(
            f"row {row + 2}, column {column.name}: {text[row]} mixes times with and without a zone"
        )
    found = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    if found.isna().any():
        row = int(found.isna().argmax())
        raise BadInput(
            f"row {row + 2}, column {column.name}: {text[row]!r} is no time; write 2024-12-31 23:59"
        )
    return found.dt.tz_localize(None)


def encode(table: pd.DataFrame, schema: dict) -> np.ndarray:
    """x float32 (n, columns) of rows that have the columns of the schema; unknown texts are missing."""
    missing = [c["name"] for c in schema["columns"] if c["name"] not in table]
    if missing:
        raise BadInput(
            f"no column {', '.join(missing[:5])}; the model needs {len(schema['columns'])} columns"
        )
    found = []
    for column in schema["columns"]:
        raw = table[column["name"]]
        if "values" in column:
            codes = pd.Categorical(raw.astype(str).where(raw.notna()), column["values"]).codes.astype(float)
            found.append(np.where(codes < 0, np.nan, codes))
            continue
        numbers = numeric(raw)
        if (bad := numbers.isna() & raw.notna()).any() or (bad := np.isinf(numbers)).any():
            row = int(bad.to_numpy().argmax())
            raise BadInput(f"row {row + 2}, column {column['name']}: {raw.iloc[row]!r} is no finite number")
        found.append(numbers.to_numpy())
    return np.stack(found, axis=1).astype(np.float32)


def read(path: Path | str, schema: dict) -> np.ndarray:
    """The rows of a CSV or Parquet file as the model takes them: float32 (n, columns)."""
    table = load(path)
    if table.empty:
        raise BadInput(f"{path}: no row; give at least one")
    try:
        return encode(table, schema)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def typical(schema: dict) -> np.ndarray:
    """The typical value of each column as the model takes it, float32 (columns,)."""
    values = [c["values"].index(c["typical"]) if "values" in c else c["typical"] for c in schema["columns"]]
    return np.array(values, np.float32)


def explain(model, x: np.ndarray) -> np.ndarray:
    """How much the answer for x (columns,) would change if a column were typical instead: (columns,).

    Log-odds of a probability, or units of the target. Columns that say the same share their effect,
    so the parts need not add up.
    """
    hidden = np.tile(x, (len(x) + 1, 1))
    hidden[np.arange(len(x)), np.arange(len(x))] = typical(model.schema)
    found = level(model(hidden))
    return found[-1] - found[:-1]


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
    return column["values"][int(value)] if "values" in column else f"{value:g}"
