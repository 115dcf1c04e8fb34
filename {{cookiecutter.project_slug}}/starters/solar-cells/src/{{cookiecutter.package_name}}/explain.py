"""Figures that show photos: the hero of the README, examples of the data, the worst errors.

Two explanations stand side by side: the network's own (exact, coarse: its logit is the mean of the
map) and captum's occlusion (what changes when a part is hidden). Where they disagree, trust neither.
"""

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

from . import predict

WINDOW, STRIDE = 60, 30  # pixels hidden at a time, about one cell of the network's own map


def figures(
    x: np.ndarray, predictions: pd.DataFrame, metrics: dict, cfg: DictConfig
) -> Iterator[tuple[str, plt.Figure]]:
    """Name and figure of each; x (n, h, w) are all photos, predictions the test rows."""
    model = predict.Model()
    save_examples(x, predictions)
    yield "data", examples(x, predictions)
    yield "errors", errors(model, x, predictions)
    yield "hero", hero(model, x, predictions, metrics, cfg)


def hero(
    model: predict.Model, x: np.ndarray, predictions: pd.DataFrame, metrics: dict, cfg: DictConfig
) -> plt.Figure:
    """Input, explanation and decision for the found defect that lights up one place most clearly."""
    found = predictions[(predictions.label == 1) & (predictions.network >= 0.9)]
    found = found if len(found) else predictions
    maps = model(x[found.row])[1]
    best = found.iloc[int((maps.max((1, 2)) - np.median(maps, (1, 2))).argmax())]
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.6))
    show(axes[0], x[best.row], "photo")
    show(axes[1], x[best.row], "why", model(x[best.row][None])[1][0])
    decide(axes[2], best.network, metrics["threshold"], cfg)
    return figure


def decide(axes: plt.Axes, probability: float, threshold: float, cfg: DictConfig) -> None:
    """The answer in words, with the probability on a scale that marks the threshold."""
    story = cfg.data.story
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1), box_aspect=1)
    flagged = probability >= threshold
    colour = "#D55E00" if flagged else "#0072B2"
    axes.set_title("decision", fontsize=22)
    axes.text(0.05, 0.72, f"{probability:.0%}", fontsize=58, weight="bold", color=colour)
    axes.text(0.05, 0.60, story.positive, fontsize=22)
    axes.barh(0.45, 0.9, 0.07, left=0.05, color="#E9ECEF")
    axes.barh(0.45, 0.9 * probability, 0.07, left=0.05, color=colour)
    axes.plot([0.05 + 0.9 * threshold] * 2, [0.38, 0.52], color="black", lw=3)
    axes.text(0.05, 0.25, f"{story.flag} from {threshold:.0%} on", fontsize=18)
    axes.text(0.05, 0.08, f"→ {story.flag if flagged else story['pass']}", fontsize=26, weight="bold")


def examples(x: np.ndarray, predictions: pd.DataFrame) -> plt.Figure:
    """Photos of each cell type, sound and defective, drawn at random from the test part."""
    figure, axes = plt.subplots(2, 4, figsize=(9.6, 5.2))
    for row, kind in zip(axes, ("mono", "poly"), strict=True):
        for pair, label in ((row[:2], 0), (row[2:], 1)):
            some = predictions[(predictions.kind == kind) & (predictions.label == label)]
            for cell, sample in zip(
                pair, some.sample(min(2, len(some)), random_state=0).itertuples(), strict=False
            ):
                show(cell, x[sample.row], f"{kind}, {'defective' if label else 'sound'}")
    return figure


def errors(model: predict.Model, x: np.ndarray, predictions: pd.DataFrame) -> plt.Figure:
    """The four worst misses and the four worst false alarms, each with both explanations."""
    misses = predictions[predictions.label == 1].nsmallest(4, "network")
    alarms = predictions[predictions.label == 0].nlargest(4, "network")
    figure, axes = plt.subplots(4, 6, figsize=(12, 9))
    for column, rows, name in ((0, misses, "missed"), (3, alarms, "false alarm")):
        for row, sample in zip(axes, rows.itertuples(), strict=False):  # fewer errors, fewer rows
            photo = x[sample.row]
            own = model(photo[None])[1][0]
            show(row[column], photo, f"{name} {sample.network:.0%}")
            show(row[column + 1], photo, "why", own)
            show(row[column + 2], photo, "if hidden", occlusion(model, photo))
    return figure


def occlusion(model: predict.Model, photo: np.ndarray) -> np.ndarray:
    """Fall of the logit (r, c) when a window of the photo (h, w) uint8 is painted in its median."""

    def logit(x: torch.Tensor) -> torch.Tensor:
        p = np.clip(model(x.numpy().astype(np.uint8))[0].astype(np.float64), 1e-6, 1 - 1e-6)
        return torch.from_numpy(np.log(p / (1 - p)))

    found = Occlusion(logit).attribute(
        torch.from_numpy(photo[None].astype(np.float32)),
        sliding_window_shapes=(WINDOW, WINDOW),
        strides=(STRIDE, STRIDE),
        baselines=float(np.median(photo)),
        perturbations_per_eval=32,
    )
    return found[0].numpy()


def show(axes: plt.Axes, photo: np.ndarray, title: str, heat: np.ndarray | None = None) -> None:
    """A photo (h, w), with what speaks for a defect in orange over it."""
    axes.imshow(photo if heat is None else predict.overlay(photo, heat), cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize=22 if axes.get_gridspec().ncols == 3 else 15)
    axes.axis("off")


def save_examples(x: np.ndarray, predictions: pd.DataFrame) -> None:
    """Four test photos for the demo, drawn at random: sound and defective, of both cell types."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for (kind, label), some in predictions[predictions.certainty == "sure label"].groupby(["kind", "label"]):
        sample = some.sample(1, random_state=0).iloc[0]
        name = f"{kind}-{'defective' if label else 'sound'}-{sample.id}.png"
        Image.fromarray(x[sample.row]).save(folder / name)
