"""Time series -> windows: of a data set for prepare.py, of one for the demo; and what moved a forecast."""

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
BLOCK = 6  # steps that an explanation hides together
CLOCK = ("hour_sin", "hour_cos")  # not the season: a year to learn from has each day of it once


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """An own table of series, a row a series and time, in the order of time."""
    train = source / "train.csv" if source.is_dir() else source  # as Kaggle's competitions have it
    table = tables.load(train if train.exists() else source)
    for key in ("time", "target"):
        if data[key] is None:
            raise BadInput(f"{source}: set data.{key}=COLUMN; there are {tables.listing(table)}")
    named = {key: [data[key]] for key in ("time", "target", "series") if data[key] is not None}
    for key, names in {**named, "drop": data.drop, "slices": data.slices}.items():
        for name in names:
            if name not in table:
                raise BadInput(f"{source}: no column {name} (data.{key}); there are {tables.listing(table)}")
    if table.empty:
        raise BadInput(f"{source}: no row")
    if data.series is not None and table[data.series].isna().any():
        raise tables.bad(table[data.series], table[data.series].isna(), "the series is missing")
    time = moments(table[data.time])
    series = table[data.series] if data.series else pd.Series("series", table.index)
    step = time.groupby(series).diff()
    back, twice = step < pd.Timedelta(0), step == pd.Timedelta(0)
    for wrong, what in ((back, "goes back in time; sort by time"), (twice, "occurs twice")):
        if wrong.any():
            raise tables.bad(table[data.time], wrong, "{} " + what)
    return table.assign(**{data.time: time})


def moments(column: pd.Series) -> pd.Series:
    """Points in time without zone, in UTC."""
    if pd.api.types.is_numeric_dtype(column):
        raise BadInput(f"column {column.name} holds numbers; write times such as 2024-12-31 23:59")
    return tables.moments(column)


def arrays(table: pd.DataFrame, data: DictConfig) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict]:
    """x float32 (n, history, channels), y (n,) the target a horizon later, samples and schema.

    A window with a missing value, or with a hole in its times, is left out.
    """
    for key in ("history", "horizon", "stride"):
        if not isinstance(data[key], int) or data[key] < 1:
            raise BadInput(f"data.{key}={data[key]}: give a whole number, 1 or more")
    names = channels(table, data)
    groups = table.groupby(data.series or (lambda row: "series"), sort=True)
    series = [str(name) for name, _ in groups]
    schema = {
        "task": "regression",
        "target": data.target,
        "time": data.time,
        "series_column": data.series,
        "series": series if 1 < len(series) <= 20 else [],
        "channels": names,
        "history": data.history,
        "horizon": data.horizon,
        "step": float(groups[data.time].diff().median().total_seconds()),
    }
    parts = [windows(rows, str(name), schema, data) for name, rows in groups]
    if left := [name for name, part in zip(series, parts, strict=True) if not len(part[0])]:
        print(f"left out, no window without a hole and with the usual step: {', '.join(left)}")
    x, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    samples = pd.concat([part[2] for part in parts], ignore_index=True)
    if samples.empty:
        raise BadInput(f"no window of {data.history} rows without a hole; fill holes or shorten data.history")
    if len(np.unique(y)) < 2:
        raise BadInput(f"column {data.target}: a single value, {y[0]:g}; nothing to learn")
    return x, y, samples, schema


def channels(table: pd.DataFrame, data: DictConfig) -> list[str]:
    """The columns that a forecast may use: the target first, then all other numbers."""
    kept = {data.time, data.series, *data.drop, *data.slices}
    names = [data.target]
    for name in table:
        if name in kept:
            continue
        known = table[name].dropna()
        if known.empty:
            raise BadInput(f"column {name}: no value in any row; remove it or add it to data.drop")
        if name == data.target:
            continue
        if tables.numeric(known).notna().mean() >= 0.9:
            names.append(str(name))
        else:
            print(f"column {name}: left out, it holds text")
    for name in names:
        tables.numbers(table[name])
    return names


def windows(
    rows: pd.DataFrame, name: str, schema: dict, data: DictConfig
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Windows (n, history, channels), targets (n,) and samples of one series."""
    history, horizon = schema["history"], schema["horizon"]
    if len(rows) < history + horizon:
        needed = history + horizon
        raise BadInput(
            f"series {name}: {len(rows)} rows; history {history} and horizon {horizon} need {needed}"
        )
    time = rows[data.time].reset_index(drop=True)
    values = stack(rows, name, schema)
    target = values[:, 0]
    last = np.arange(history - 1, len(rows) - horizon, data.stride)  # the moment of the forecast
    step = time.diff().dt.total_seconds() / schema["step"]
    hole = ((step - 1).abs() > 0.5).cumsum().to_numpy()
    gaps = np.concatenate([[0], np.isnan(values).any(1).cumsum()])
    first, end = last - history + 1, last + horizon
    whole = (hole[first] == hole[end]) & (gaps[last + 1] == gaps[first]) & ~np.isnan(target[end])
    first, last, end = first[whole], last[whole], end[whole]
    x = np.lib.stride_tricks.sliding_window_view(values, history, axis=0)[first].swapaxes(1, 2)
    when = time.to_numpy()
    unit = "m" if (time == time.dt.floor("min")).all() else "us"
    samples = pd.DataFrame(
        {
            "id": [f"{name} {moment}" for moment in np.datetime_as_string(when[last], unit)],
            "label": target[end],
            "group": name,
            "start": when[first],
            "end": when[end],
            "week": pd.Series(when[end]).dt.strftime("%G-W%V").to_numpy(),
        }
    )
    for column in data.slices:
        samples[column] = rows[column].astype(str).to_numpy()[last]
    return np.ascontiguousarray(x), target[end], samples


def stack(rows: pd.DataFrame, name: str, schema: dict) -> np.ndarray:
    """What is known at each row, float32 (rows, channels): columns, clock, and which series it is."""
    time = rows[schema["time"]]
    found = [tables.numbers(rows[channel]).to_numpy() for channel in schema["channels"]]
    day = (time.dt.hour * 60 + time.dt.minute).to_numpy() / 1440
    found += [turn(2 * np.pi * day) for turn in (np.sin, np.cos)]
    found += [np.full(len(rows), float(name == other)) for other in schema["series"]]
    return np.stack(found, axis=1).astype(np.float32)


def names(schema: dict) -> list[str]:
    """Names of all channels of a window."""
    return [*schema["channels"], *CLOCK, *(f"is {name}" for name in schema["series"])]


def table(path: Path | str, schema: dict) -> pd.DataFrame:
    """The last rows of a file of one series, as many as a forecast needs."""
    rows = tables.load(path)
    needed = [schema["time"], *schema["channels"], *([schema["series_column"]] if schema["series"] else [])]
    missing = [name for name in needed if name not in rows]
    if missing:
        raise BadInput(f"{path}: no column {', '.join(missing[:5])}; a forecast needs {', '.join(needed)}")
    if len(rows) < schema["history"]:
        raise BadInput(f"{path}: {len(rows)} rows; a forecast needs the last {schema['history']}")
    rows = rows.iloc[-schema["history"] :].copy()
    name = schema["series_column"]
    if name in rows and rows[name].nunique() > 1:
        raise BadInput(f"{path}: several series in the last {len(rows)} rows; give those of one")
    try:
        rows[schema["time"]] = moments(rows[schema["time"]])
        for name in schema["channels"]:
            rows[name] = tables.numbers(rows[name], missing=False)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    steps = rows[schema["time"]].diff().dt.total_seconds().iloc[1:]
    if ((steps / schema["step"] - 1).abs() > 0.5).any():
        raise BadInput(f"{path}: times must follow each other every {schema['step'] / 60:g} minutes")
    return rows


def read(path: Path | str, schema: dict) -> np.ndarray:
    """The last window of a file of one series as the model takes it: float32 (1, history, channels)."""
    rows = table(path, schema)
    name = "series"
    if schema["series"]:
        name = str(rows[schema["series_column"]].iloc[-1])
        if name not in schema["series"]:
            raise BadInput(f"{path}: series {name}; the model knows {', '.join(schema['series'])}")
    return stack(rows, name, schema)[None]


def unlabelled(folder: Path, key: str, model: "Model") -> tuple[pd.Series, np.ndarray]:
    """No two competitions on time series ask for the same: this one needs code of its own."""
    raise BadInput(f"{folder}: a competition on time series; write inputs.unlabelled for its test data")


def explain(model: "Model", x: np.ndarray, block: int = BLOCK) -> np.ndarray:
    """How much the middle forecast for x (history, channels) owes to each channel in each block of steps.

    (blocks, channels of the table), in units of the target: what changes when the block holds the
    channel's mean over the window instead. The parts need not add up.
    """
    count = len(model.schema["channels"])
    starts = range(0, len(x), block)
    hidden = [x]
    for start in starts:
        for channel in range(count):
            changed = x.copy()
            changed[start : start + block, channel] = x[:, channel].mean()
            hidden.append(changed)
    found = model(np.stack(hidden))[:, 1]
    return (found[0] - found[1:]).reshape(len(starts), count)
