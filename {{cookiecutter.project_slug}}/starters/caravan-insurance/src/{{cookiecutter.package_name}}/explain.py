"""Figures that show rows: the hero of the README, the data, the worst errors.

Why an answer came out is told by Shapley values (captum, sampled): the average change of the
log-odds, or of the forecast, when a column becomes known, over random orders of the columns.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from captum.attr import ShapleyValueSampling
from omegaconf import DictConfig

from . import charts, inputs, predict

ORDERS = 10  # random orders of the columns behind each explanation
FOR, AGAINST = "#D55E00", "#0072B2"


def figures(
    x: np.ndarray, predictions: pd.DataFrame, metrics: dict, schema: dict, cfg: DictConfig
) -> Iterator[tuple[str, plt.Figure]]:
    """Name and figure of each; x (n, columns) are all rows, predictions the test rows."""
    model = predict.Model()
    shown = columns(schema, cfg)
    save_examples(x, predictions, schema, cfg)
    yield "data", data(x, predictions, schema, shown[:4], cfg)
    yield "errors", errors(model, x, predictions, cfg)
    yield "hero", hero(model, x, predictions, metrics, shown, cfg)


def columns(schema: dict, cfg: DictConfig) -> list[int]:
    """Places of the columns in data.show, else of the first eight."""
    names = [column["name"] for column in schema["columns"]]
    return [names.index(name) for name in cfg.data.show if name in names] or list(range(min(8, len(names))))


def title(place: int, schema: dict, cfg: DictConfig) -> str:
    """The name of a column as a person in the industry would say it."""
    name = schema["columns"][place]["name"]
    return cfg.data.story.names.get(name, name)


def hero(
    model: predict.Model,
    x: np.ndarray,
    predictions: pd.DataFrame,
    metrics: dict,
    shown: list[int],
    cfg: DictConfig,
) -> plt.Figure:
    """What is known of the clearest found positive, what spoke for the answer, and the decision."""
    best = predictions.nlargest(1, "network").iloc[0]
    if metrics["task"] == "classification":
        best = predictions[predictions.label == 1].nlargest(1, "network").iloc[0]
    row, schema = x[best.row], model.schema
    why = shapley(model, row)
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), width_ratios=[1.25, 1.25, 1])
    axes[0].axis("off")
    axes[0].set_title(cfg.data.story.unit, fontsize=22)
    top = [*dict.fromkeys([*np.argsort(-np.abs(why))[:5], *shown])][:8]
    for line, place in enumerate(top):
        height = 0.92 - line * 0.125
        axes[0].text(0, height, short(title(place, schema, cfg), 28), fontsize=15)
        value = inputs.text(row[place], schema["columns"][place])
        axes[0].text(1, height, short(value, 14), fontsize=15, ha="right", weight="bold")
    bars(axes[1], why, schema, cfg, count=7)
    axes[1].set_title("why", fontsize=22)
    if metrics["task"] == "classification":
        charts.decision(axes[2], best.network, metrics["threshold"], cfg.data.story)
    else:
        charts.forecast(axes[2], best.network_low, best.network, best.network_high, cfg.data.story)
    return figure


def short(text: str, length: int) -> str:
    """At most this many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def bars(axes: plt.Axes, why: np.ndarray, schema: dict, cfg: DictConfig, count: int) -> None:
    """The columns that moved an answer most; orange up, blue down."""
    top = np.argsort(-np.abs(why))[:count]
    axes.barh(range(len(top)), why[top], color=[FOR if value > 0 else AGAINST for value in why[top]])
    axes.set_yticks(range(len(top)), [short(title(i, schema, cfg), 26) for i in top], fontsize=13)
    axes.axvline(0, color="black", lw=1)
    axes.invert_yaxis()


def shapley(model: predict.Model, row: np.ndarray) -> np.ndarray:
    """Shapley value (columns,) of each column of a row (columns,), against the typical row."""

    def level(rows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(inputs.level(model(rows.numpy())))

    torch.manual_seed(0)
    known = np.where(np.isnan(row), inputs.typical(model.schema), row)
    found = ShapleyValueSampling(level).attribute(
        torch.from_numpy(known[None]),
        baselines=torch.from_numpy(inputs.typical(model.schema)[None]),
        n_samples=ORDERS,
        perturbations_per_eval=64,
    )
    return found[0].numpy()


def data(
    x: np.ndarray, predictions: pd.DataFrame, schema: dict, shown: list[int], cfg: DictConfig
) -> plt.Figure:
    """The label against four columns, in the test part: at most six values, or bins, of 20 rows or more."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 7))
    label = predictions.label.to_numpy(float)
    for cell in axes.flat[len(shown) :]:
        cell.axis("off")
    for cell, place in zip(axes.flat, shown, strict=False):
        values = x[predictions.row, place]
        known = ~np.isnan(values)
        if not known.any():
            continue
        column = schema["columns"][place]
        if "values" in column or len(np.unique(values[known])) <= 10:
            keys = pd.Series([inputs.text(v, column) for v in values[known]])
            counts = keys.value_counts()
            order = counts[counts >= max(20, counts.iloc[min(5, len(counts) - 1)])].index
            order = sorted(order, key=None if "values" in column else float)
        else:
            keys = pd.qcut(values[known], 6, duplicates="drop", precision=3).map(lambda bin: f"{bin.right:g}")
            keys = pd.Series(keys.astype(str))
            order = sorted(keys.unique(), key=float)
        mean = pd.Series(label[known]).groupby(keys.to_numpy()).mean().reindex(order)
        cell.bar([short(str(key), 8) for key in order], mean, color=charts.COLOURS["network"])
        cell.set_title(short(title(place, schema, cfg), 32), fontsize=15)
        cell.tick_params(axis="x", labelsize=12)
    name = cfg.data.story.positive if schema["task"] == "classification" else "mean of target"
    figure.supylabel(f"{name}: share" if schema["task"] == "classification" else name)
    return figure


def errors(model: predict.Model, x: np.ndarray, predictions: pd.DataFrame, cfg: DictConfig) -> plt.Figure:
    """The three worst errors to either side, each with the columns that led there."""
    if model.schema["task"] == "classification":
        low = predictions[predictions.label == 1].nsmallest(3, "network")
        high = predictions[predictions.label == 0].nlargest(3, "network")
        names, form = [(low, "missed"), (high, "false alarm")], ".0%"
    else:
        off = predictions.assign(off=predictions.network - predictions.label)
        names, form = [(off.nsmallest(3, "off"), "too low"), (off.nlargest(3, "off"), "too high")], ""
    figure, axes = plt.subplots(2, 3, figsize=(15, 8))
    for line, (rows, name) in zip(axes, names, strict=True):
        for cell in line[len(rows) :]:
            cell.axis("off")
        for cell, sample in zip(line, rows.itertuples(), strict=False):
            bars(cell, shapley(model, x[sample.row]), model.schema, cfg, count=5)
            cell.set_title(f"{name} {predict.number(sample.network, form)}", fontsize=15)
            cell.tick_params(labelsize=11)
    return figure


def save_examples(x: np.ndarray, predictions: pd.DataFrame, schema: dict, cfg: DictConfig) -> None:
    """Test rows for the demo as CSV files: drawn at random, two of each label, or from low to high."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    story = cfg.data.story
    if schema["task"] == "classification":
        drawn = pd.concat([r.sample(min(2, len(r)), random_state=0) for _, r in predictions.groupby("label")])
        names = [story.positive if label else story.negative for label in drawn.label]
    else:
        drawn = predictions.sort_values("label").iloc[np.linspace(0, len(predictions) - 1, 4).astype(int)]
        names = [predict.number(label) for label in drawn.label]
    for sample, name in zip(drawn.itertuples(), names, strict=True):
        values = [
            "" if np.isnan(value) else inputs.text(value, column)
            for value, column in zip(x[sample.row], schema["columns"], strict=True)
        ]
        row = pd.DataFrame([values], columns=[column["name"] for column in schema["columns"]])
        name = re.sub(r"[^\w.-]+", "-", f"{name}-{sample.id}")
        row.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
