"""Time series -> windows: what a forecast sees, for training data and for one file of the demo.

A window holds `history` steps of the channels: the columns of the table (target first), the time of
day, and one indicator per series. The label is the target `horizon` steps after the window.
"""

import numpy as np
import pandas as pd
from heldout import InputError, readers, series
from omegaconf import DictConfig


def make_windows(table: pd.DataFrame, data: DictConfig) -> tuple[np.ndarray, pd.DataFrame, dict]:
    """Windows (n, history, channels) float32, their samples, and the schema; rows in time order."""
    one_series = np.full(len(table), "series")
    groups = table.groupby(table[data.series].astype(str) if data.series else one_series)
    names = list(groups.groups)
    excluded = {data.target, data.time, data.series, *data.drop, *data.slices}
    schema = {
        "target": data.target,
        "time": data.time,
        "series_column": data.series,
        "series": names if 1 < len(names) <= 20 else [],  # these get an indicator each
        "channels": [data.target, *series.number_columns(table, excluded)],
        "history": data.history,
        "horizon": data.horizon,
        "step": groups[data.time].diff().median().total_seconds(),
    }
    parts = [windows_of_series(rows, name, schema, data) for name, rows in groups]
    windows, tables = zip(*parts, strict=True)
    samples = pd.concat(tables, ignore_index=True)
    if samples.label.nunique() < 2:
        remedy = "fill gaps, give a smaller data.history, or another data.target"
        raise InputError(f"fewer than two values of {data.target} after complete windows; {remedy}")
    if missing := sorted({*names} - {*samples.group}):
        print(f"series left out, no complete window with the usual step: {', '.join(missing)}")
    return np.concatenate(windows), samples, schema


def windows_of_series(
    rows: pd.DataFrame, name: str, schema: dict, data: DictConfig
) -> tuple[np.ndarray, pd.DataFrame]:
    """Windows (n, history, channels) of one series without missing value or gap, and samples."""
    history, horizon = schema["history"], schema["horizon"]
    if len(rows) < history + horizon:
        needed = f"data.history + data.horizon = {history + horizon} or more"
        raise InputError(f"series {name}: {len(rows)} rows; give {needed}")
    time = rows[schema["time"]].reset_index(drop=True)
    values = stack_channels(rows, schema)  # (rows, channels)
    now = np.arange(history - 1, len(rows) - horizon, data.stride)  # the row of the forecast
    first, end = now - history + 1, now + horizon
    # Prefix sums, equal at both ends if nothing lies between: n_gaps[i] counts irregular steps up
    # to row i, n_missing[i] incomplete rows before row i, so n_missing[now + 1] includes now.
    steps = time.diff().dt.total_seconds() / schema["step"]
    n_gaps = ((steps - 1).abs() > 0.5).cumsum().to_numpy()
    n_missing = np.append(0, np.isnan(values).any(axis=1).cumsum())
    complete = (n_gaps[first] == n_gaps[end]) & (n_missing[first] == n_missing[now + 1])
    complete &= ~np.isnan(values[end, 0])
    first, now, end = first[complete], now[complete], end[complete]
    windows = np.lib.stride_tricks.sliding_window_view(values, history, axis=0)[first]
    windows = windows.swapaxes(1, 2)  # (n, channels, history) -> (n, history, channels)
    times = time.to_numpy()
    unit = "m" if (time == time.dt.floor("min")).all() else "us"
    ids = [f"{name} {moment}" for moment in np.datetime_as_string(times[now], unit)]
    samples = pd.DataFrame({"id": ids, "group": name})
    samples = samples.assign(label=values[end, 0], start=times[first], end=times[end])
    for column in data.slices:
        samples[column] = rows[column].astype(str).to_numpy()[now]
    return windows, samples


def stack_channels(rows: pd.DataFrame, schema: dict) -> np.ndarray:
    """All channels of the rows of one series: float32 (rows, channels), NaN where missing."""
    columns = [readers.numbers(rows[channel]).to_numpy() for channel in schema["channels"]]
    time = rows[schema["time"]]
    # The time of day as a point on a circle. No season: one year of training has each day once.
    angle = 2 * np.pi * (time.dt.hour * 60 + time.dt.minute).to_numpy() / 1440
    columns += [np.sin(angle), np.cos(angle)]
    for name in schema["series"]:
        columns.append(rows[schema["series_column"]].astype(str) == name)
    return np.stack(columns, axis=1).astype(np.float32)
