"""Figures that show windows: the README's example figure, the data, the worst errors.

Effects come from Predictor.occlusion: what the network relied on, not the causes of the weather.
"""

import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from heldout import figures
from heldout.pages import number

from .predict import BLOCK, Predictor


def hero(windows: np.ndarray, test: pd.DataFrame) -> plt.Figure:
    """A large change that was forecast well, chosen by its label: window, effects, forecast."""
    predictor = Predictor()
    change, error = test.label - windows[test.row, -1, 0], test.label - test.network
    sample = test.loc[(change.abs() - 3 * error.abs()).idxmax()]
    window = windows[sample.row]
    figure, axes = plt.subplots(1, 3, figsize=(17, 5.2), width_ratios=[1.2, 1.1, 0.9])
    draw_sample(axes[0], window, sample, predictor.schema)
    draw_effects(axes[1], predictor.occlusion(window), predictor.schema)
    label = predictor.schema["names"]["target"]
    figures.forecast(axes[2], sample.network_low, sample.network, sample.network_high, label)
    return figure


def draw_sample(axes: plt.Axes, window: np.ndarray, sample: pd.Series, schema: dict) -> None:
    """A window and its forecast, with the observed value and the forecast of the baseline."""
    draw_forecast(axes, window, sample[["network_low", "network", "network_high"]], schema)
    horizon, color = schema["horizon"], figures.COLORS["baseline"]
    axes.plot(horizon, sample.label, "x", ms=13, mew=4, color="black", label="observed")
    axes.plot(horizon, sample.baseline, "s", ms=9, color=color, label="baseline")
    axes.legend(fontsize=11)


def draw_forecast(axes: plt.Axes, window: np.ndarray, quantiles: np.ndarray, schema: dict) -> None:
    """The target in a window (history, channels), and quantiles (3,) of its forecast."""
    steps = np.arange(1 - len(window), 1)  # the last row is now: 0
    axes.plot(steps, window[:, 0], lw=3, color="black")
    low, median, high = quantiles
    style = {"fmt": "o", "ms": 11, "lw": 4, "capsize": 7, "color": figures.COLORS["network"]}
    bars = [[median - low], [high - median]]
    axes.errorbar(schema["horizon"], median, yerr=bars, label="network, 80%", **style)
    axes.set_xlabel(f"steps of {schema['step'] / 60:g} minutes from now")
    axes.set_ylabel(schema["names"]["target"])


def draw_effects(axes: plt.Axes, effects: np.ndarray, schema: dict) -> None:
    """Effects (blocks, columns) as a colored table, in units of the target."""
    largest = np.argsort(-np.abs(effects).sum(0))[:6]  # columns
    shown = effects.T[largest]  # (columns, blocks)
    limit = max(float(np.abs(effects).max()), 1e-9)
    # Pale, so that black numbers are readable on it
    axes.imshow(shown, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto", alpha=0.6)
    for (row, block), effect in np.ndenumerate(shown):
        text = number(effect, sign="+", like=10 * limit)
        axes.text(block, row, text, ha="center", va="center", fontsize=12)
    titles = [schema["column_names"].get(name, name) for name in schema["channels"]]
    axes.set_yticks(range(len(largest)), np.array(titles)[largest])
    axes.set_xticks(range(len(effects)), np.arange(len(effects)) * BLOCK - schema["history"] + 1)
    axes.set(xlabel=f"block of {BLOCK} steps, from", title="effect on the forecast")


def data_examples(windows: np.ndarray, test: pd.DataFrame, schema: dict) -> plt.Figure:
    """The target of every series over four days, and its change within the horizon."""
    figure, axes = plt.subplots(2, 1, figsize=(11, 8))
    start = test.end.sort_values().iloc[len(test) // 3]
    days = test[test.end.between(start, start + pd.Timedelta(days=4))]
    for name, rows in days.groupby("group"):
        axes[0].plot(rows.end, rows.label, lw=2, label=name)
    axes[0].set(ylabel=schema["names"]["target"])
    axes[0].legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
    change = test.label - windows[test.row, -1, 0]  # 0: persistence is right
    axes[1].hist(change, bins=80, color=figures.COLORS["network"], log=True)
    axes[1].set(xlabel="change until the time of the forecast", ylabel="forecasts")
    return figure


def worst_errors(windows: np.ndarray, test: pd.DataFrame, schema: dict) -> plt.Figure:
    """Three forecasts that were far too low and three that were far too high, on different days."""
    errors = test.assign(error=test.network - test.label, day=test.end.dt.date)
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5), sharey=True)
    for cells, ascending, title in ((axes[0], True, "too low"), (axes[1], False, "too high")):
        ranked = errors.sort_values("error", ascending=ascending).drop_duplicates("day")
        for cell, (_, sample) in zip(cells, ranked.head(3).iterrows(), strict=False):
            draw_sample(cell, windows[sample.row], sample, schema)
            cell.set_title(f"{title}: {sample.group}, {sample.day}")
    return figure


def save_examples(windows: np.ndarray, test: pd.DataFrame, schema: dict) -> None:
    """Up to four test windows for the demo as CSV files, of different series, drawn at random."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    channels, step = schema["channels"], pd.Timedelta(seconds=schema["step"])
    for sample in test.groupby("group").sample(1, random_state=0).head(4).itertuples():
        now = sample.end - schema["horizon"] * step
        # Without the clock and the indicators: windows.py adds them to a file.
        rows = pd.DataFrame(windows[sample.row][:, : len(channels)], columns=channels)
        rows.insert(0, schema["time"], pd.date_range(end=now, periods=len(rows), freq=step))
        if schema["series"]:
            rows.insert(1, schema["series_column"], sample.group)
        name = re.sub(r"[^\w.-]+", "-", f"{sample.group}-{now:%Y-%m-%d-%H%M}")
        path = folder / f"{name}.csv"  # a file name on every system
        rows.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
