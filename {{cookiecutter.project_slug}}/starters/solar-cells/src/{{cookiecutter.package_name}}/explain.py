"""Figures that show photos: the hero of the README, examples of the data, the worst errors.

Two explanations stand side by side: the network's own (exact, coarse: its logit is the mean of the
map) and captum's occlusion (what changes when a part is hidden). Where they disagree, trust neither.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from captum.attr import Occlusion
from omegaconf import DictConfig
from PIL import Image

from . import charts, inputs, predict


def figures(
    x: np.ndarray, predictions: pd.DataFrame, metrics: dict, schema: dict, cfg: DictConfig
) -> Iterator[tuple[str, plt.Figure]]:
    """Name and figure of each; x (n, h, w[, 3]) are all photos, predictions the test rows."""
    model = predict.Model()
    save_examples(x, predictions, cfg)
    yield "data", examples(x, predictions, cfg)
    yield "errors", errors(model, x, predictions)
    yield "hero", hero(model, x, predictions, metrics, cfg)


def hero(
    model: predict.Model, x: np.ndarray, predictions: pd.DataFrame, metrics: dict, cfg: DictConfig
) -> plt.Figure:
    """Input, explanation and decision for the found defect that lights up one place most clearly."""
    found = predictions[(predictions.label == 1) & (predictions.network >= 0.9)]
    found = found if len(found) else predictions
    maps = model.run(x[found.row])[1]
    best = found.iloc[int((maps.max((1, 2)) - np.median(maps, (1, 2))).argmax())]
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.6))
    show(axes[0], x[best.row], "photo")
    show(axes[1], x[best.row], "why", model.run(x[best.row][None])[1][0])
    charts.decision(axes[2], best.network, metrics["threshold"], cfg.data.story)
    return figure


def examples(x: np.ndarray, predictions: pd.DataFrame, cfg: DictConfig) -> plt.Figure:
    """Photos of the first slice's values, of both labels, drawn at random from the test part."""
    story = cfg.data.story
    column = cfg.data.slices[0] if cfg.data.slices else None
    values = predictions[column].value_counts().index[:2].sort_values() if column else [None, None]
    figure, axes = plt.subplots(2, 4, figsize=(9.6, 5.2))
    for place, (row, value) in enumerate(zip(axes, values, strict=False)):
        for pair, label in ((row[:2], 0), (row[2:], 1)):
            some = predictions[predictions.label == label]
            some = some[some[column] == value] if column else some
            drawn = some.sample(min(2, len(some)), random_state=place if not column else 0)
            for cell, sample in zip(pair, drawn.itertuples(), strict=False):
                name = story.positive if label else story.negative
                show(cell, x[sample.row], f"{value}, {name}" if column else name)
    for cell in axes.flat:
        cell.axis("off")
    return figure


def errors(model: predict.Model, x: np.ndarray, predictions: pd.DataFrame) -> plt.Figure:
    """The four worst misses and the four worst false alarms, each with both explanations."""
    misses = predictions[predictions.label == 1].nsmallest(4, "network")
    alarms = predictions[predictions.label == 0].nlargest(4, "network")
    figure, axes = plt.subplots(4, 6, figsize=(12, 9))
    for column, rows, name in ((0, misses, "missed"), (3, alarms, "false alarm")):
        for row, sample in zip(axes, rows.itertuples(), strict=False):  # fewer errors, fewer rows
            photo = x[sample.row]
            own = model.run(photo[None])[1][0]
            show(row[column], photo, f"{name} {sample.network:.0%}")
            show(row[column + 1], photo, "why", own)
            show(row[column + 2], photo, "if hidden", occlusion(model, photo))
    return figure


def occlusion(model: predict.Model, photo: np.ndarray) -> np.ndarray:
    """Fall of the logit (r, c) when a window of the photo (h, w[, 3]) uint8 is painted in its median."""

    def logit(x: torch.Tensor) -> torch.Tensor:
        p = np.clip(model(x.numpy().astype(np.uint8)).astype(np.float64), 1e-6, 1 - 1e-6)
        return torch.from_numpy(np.log(p / (1 - p)))

    window = photo.shape[0] // 5  # about one cell of the network's own map
    found = Occlusion(logit).attribute(
        torch.from_numpy(photo[None].astype(np.float32)),
        sliding_window_shapes=(window, window, *photo.shape[2:]),
        strides=(window // 2, window // 2, *photo.shape[2:]),
        baselines=float(np.median(photo)),
        perturbations_per_eval=32,
    )
    found = found[0].numpy()
    return found if found.ndim == 2 else found.mean(2)


def show(axes: plt.Axes, photo: np.ndarray, title: str, heat: np.ndarray | None = None) -> None:
    """A photo (h, w[, 3]), with what speaks for a defect in orange over it."""
    axes.imshow(photo if heat is None else inputs.overlay(photo, heat), cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize=22 if axes.get_gridspec().ncols == 3 else 15)
    axes.axis("off")


def save_examples(x: np.ndarray, predictions: pd.DataFrame, cfg: DictConfig) -> None:
    """Test photos for the demo, drawn at random: of both labels, and of the values of the first slice."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "certainty" in predictions:
        predictions = predictions[predictions.certainty == "sure label"]
    by = [*cfg.data.slices[:1], "label"]
    for values, some in predictions.groupby(by):
        sample = some.sample(1, random_state=0).iloc[0]
        words = [*map(str, values[:-1]), cfg.data.story.positive if values[-1] else cfg.data.story.negative]
        name = re.sub(r"[^\w-]+", "-", "-".join([*words, Path(str(sample.id)).stem]))
        Image.fromarray(x[sample.row]).save(folder / f"{name}.png")
