"""Figures that show windows: the hero of the README, the data, the worst errors.

Why a forecast came out is told by occlusion: a channel in one hour of the window is
replaced by its mean over the window, and the change of the middle forecast is drawn.
"""

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from omegaconf import DictConfig

from . import charts, inputs, predict

COLOUR = charts.COLOURS["network"]


def figures(
    x: np.ndarray, predictions: pd.DataFrame, metrics: dict, schema: dict, cfg: DictConfig
) -> Iterator[tuple[str, plt.Figure]]:
    """Name and figure of each; x (n, history, channels) are all windows, predictions the test rows."""
    model = predict.Model()
    save_examples(x, predictions, schema)
    yield "data", data(x, predictions, schema, cfg)
    yield "errors", errors(x, predictions, schema, cfg)
    yield "hero", hero(model, x, predictions, cfg)


def hero(model: predict.Model, x: np.ndarray, predictions: pd.DataFrame, cfg: DictConfig) -> plt.Figure:
    """One window, what moved its forecast, and the forecast: the largest rise or fall seen well ahead."""
    now = x[predictions.row, -1, 0]
    change = (predictions.label - now).abs()
    off = (predictions.label - predictions.network).abs()
    best = predictions.loc[(change - 3 * off).idxmax()]
    window = x[best.row]
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), width_ratios=[1.3, 1.2, 0.9])
    draw(axes[0], window, best, model.schema, cfg)
    axes[0].set_title(f"the last {clock(model.schema)[0]}, and the forecast", fontsize=20)
    why(axes[1], inputs.explain(model, window), model.schema, cfg)
    axes[1].set_title("what moved it", fontsize=20)
    charts.forecast(axes[2], best.network_low, best.network, best.network_high, cfg.data.story)
    return figure


def clock(schema: dict) -> tuple[str, float]:
    """The unit that a window is told in, and how many of it a step takes."""
    long = schema["history"] * schema["step"]
    unit, seconds = (
        ("days", 86400) if long > 3 * 86400 else ("hours", 3600) if long > 3600 else ("minutes", 60)
    )
    return unit, schema["step"] / seconds


def draw(axes: plt.Axes, window: np.ndarray, row: pd.Series, schema: dict, cfg: DictConfig) -> None:
    """The target in a window (history, channels), the forecast with its 80% interval, and what came."""
    unit, step = clock(schema)
    ahead = schema["horizon"] * step
    axes.plot((np.arange(len(window)) - len(window) + 1) * step, window[:, 0], lw=3, color="black")
    off = [[row.network - row.network_low], [row.network_high - row.network]]
    axes.errorbar(
        ahead, row.network, yerr=off, fmt="o", ms=11, lw=4, capsize=7, color=COLOUR, label="forecast"
    )
    axes.plot(ahead, row.label, "x", ms=13, mew=4, color="black", label="came")
    axes.plot(ahead, row.baseline, "s", ms=9, color=charts.COLOURS["baseline"], label="baseline")
    axes.set(xlabel=f"{unit} from now", ylabel=cfg.data.story.target)
    axes.legend(fontsize=13)


def why(axes: plt.Axes, found: np.ndarray, schema: dict, cfg: DictConfig) -> None:
    """What each channel in each block (blocks, channels) moved, in units of the target."""
    names = [cfg.data.story.names.get(name, name) for name in schema["channels"]]
    top = np.argsort(-np.abs(found).sum(0))[:6]
    limit = max(float(np.abs(found).max()), 1e-9)
    digits = max(0, 2 - int(np.log10(limit)))
    axes.imshow(found.T[top], cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
    for line, channel in enumerate(top):
        for block, value in enumerate(found[:, channel]):
            ink = "white" if abs(value) > 0.6 * limit else "black"
            axes.text(block, line, f"{value:+,.{digits}f}", ha="center", va="center", fontsize=12, color=ink)
    unit, step = clock(schema)
    ends = [max(0, schema["history"] - i * inputs.BLOCK) * step for i in range(len(found) + 1)]
    axes.set_xticks(range(len(found)), [f"{a:.3g} to {b:.3g}" for a, b in itertools.pairwise(ends)])
    axes.set_yticks(range(len(top)), [names[channel] for channel in top], fontsize=13)
    axes.set_xlabel(f"{unit} ago")


def data(x: np.ndarray, predictions: pd.DataFrame, schema: dict, cfg: DictConfig) -> plt.Figure:
    """The target over four days, and its change within the horizon, in the test part."""
    figure, axes = plt.subplots(2, 1, figsize=(11, 8))
    days = predictions.sort_values("end")
    start = days.end.iloc[len(days) // 3]
    for name, rows in list(days.groupby("group"))[:4]:
        part = rows[(rows.end >= start) & (rows.end < start + pd.Timedelta(seconds=576 * schema["step"]))]
        axes[0].plot(part.end, part.label, lw=2, label=name)
    axes[0].set(ylabel=cfg.data.story.target)
    axes[0].tick_params(axis="x", labelsize=11)
    axes[0].legend(fontsize=12, ncols=4)
    change = predictions.label - x[predictions.row, -1, 0]
    axes[1].hist(change, bins=80, color=COLOUR, log=True)
    axes[1].set(xlabel="change until the time of the forecast", ylabel="forecasts")
    return figure


def errors(x: np.ndarray, predictions: pd.DataFrame, schema: dict, cfg: DictConfig) -> plt.Figure:
    """The worst forecasts, too high and too low, no two of them within a day."""
    off = predictions.assign(off=predictions.network - predictions.label, day=predictions.end.dt.date)
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5), sharey=True)
    for line, order, name in ((axes[0], True, "too low"), (axes[1], False, "too high")):
        worst = off.sort_values("off", ascending=order).drop_duplicates("day").head(3)
        for cell, (_, row) in zip(line, worst.iterrows(), strict=False):
            draw(cell, x[row.row], row, schema, cfg)
            cell.set_title(f"{name} by {predict.number(abs(row.off))}, {row.id[:-6]}", fontsize=14)
    return figure


def save_examples(x: np.ndarray, predictions: pd.DataFrame, schema: dict) -> None:
    """Four test windows for the demo as CSV files, drawn at random, one of each series if there are some."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    by = predictions.groupby("group")
    drawn = by.sample(1, random_state=0) if len(by) > 1 else predictions.sample(frac=1, random_state=0)
    count = len(schema["channels"])
    step = pd.Timedelta(seconds=schema["step"])
    for row in drawn.head(4).itertuples():
        last = row.end - schema["horizon"] * step
        rows = pd.DataFrame(x[row.row][:, :count], columns=schema["channels"])
        rows.insert(0, schema["time"], pd.date_range(end=last, periods=len(rows), freq=step))
        if schema["series"]:
            rows.insert(1, schema["series_column"], row.group)
        name = re.sub(r"[^\w.-]+", "-", f"{row.group}-{last:%Y-%m-%d-%H%M}")
        rows.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
