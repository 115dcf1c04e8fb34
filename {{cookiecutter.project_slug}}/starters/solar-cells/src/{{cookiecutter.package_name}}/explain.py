"""Figures that show photos: examples of the data, the README's example figure, the worst errors.

The heatmap is the class activation map of the exported network: its mean is the logit, so it
decomposes the logit exactly, but it is coarse and says nothing about causes.
"""

import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from heldout import figures, images
from PIL import Image

from .predict import Predictor


def hero(photos: np.ndarray, test: pd.DataFrame, threshold: float) -> plt.Figure:
    """Photo, heatmap and decision for the detected defect with the most concentrated heatmap."""
    predictor = Predictor()
    candidates = test[(test.label == 1) & (test.network >= 0.9)]  # clearly detected
    if candidates.empty:
        candidates = test
    _, heatmaps = predictor.with_heatmap(photos[candidates.row])
    # A concentrated heatmap is easy to read in a small picture; worst_errors shows other cases.
    contrast = heatmaps.max((1, 2)) - np.median(heatmaps, axis=(1, 2))
    best = candidates.iloc[int(contrast.argmax())]
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.6))
    show(axes[0], photos[best.row], "photo", fontsize=22)
    show(axes[1], photos[best.row], "heatmap", heatmaps[contrast.argmax()], fontsize=22)
    figures.decision(axes[2], best.network, threshold, predictor.schema["names"])
    return figure


def data_examples(photos: np.ndarray, test: pd.DataFrame, column: str | None) -> plt.Figure:
    """Random test photos: two values of the slice `column` by row, both labels by column."""
    values = [None, None]  # without a slice, both rows show all photos
    if column:
        values = sorted(test[column].value_counts().index[:2])
    figure, axes = plt.subplots(2, 4, figsize=(9.6, 5.2))
    for seed, (row, value) in enumerate(zip(axes, values, strict=False)):
        rows = test if value is None else test[test[column] == value]
        for label, cells in ((0, row[:2]), (1, row[2:])):
            matching = rows[rows.label == label]
            drawn = matching.sample(min(2, len(matching)), random_state=seed)
            for cell, sample in zip(cells, drawn.itertuples(), strict=False):
                show(cell, photos[sample.row], f"{value or ''} label {label}".strip())
    for cell in axes.flat:
        cell.axis("off")
    return figure


def worst_errors(photos: np.ndarray, test: pd.DataFrame) -> plt.Figure:
    """The four lowest-scored defects and the four highest-scored sound cells, with heatmaps."""
    missed = test[test.label == 1].nsmallest(4, "network")
    false_positives = test[test.label == 0].nlargest(4, "network")
    predictor = Predictor()
    figure, axes = plt.subplots(4, 4, figsize=(10, 10.5))
    for column, rows, title in ((0, missed, "missed"), (2, false_positives, "false positive")):
        for cells, sample in zip(axes, rows.itertuples(), strict=False):
            photo = photos[sample.row]
            _, [heatmap] = predictor.with_heatmap(photo[None])
            show(cells[column], photo, f"{title} {sample.network:.0%}")
            show(cells[column + 1], photo, "heatmap", heatmap)
    for cell in axes.flat:
        cell.axis("off")
    return figure


def show(axes: plt.Axes, photo: np.ndarray, title: str, heatmap=None, fontsize: int = 15) -> None:
    """A photo (h, w[, 3]), with positive values of the heatmap (r, c) in orange."""
    if heatmap is not None:
        photo = images.overlay(photo, heatmap)
    axes.imshow(photo, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize=fontsize)
    axes.axis("off")


def save_examples(photos: np.ndarray, test: pd.DataFrame, slices: list[str], names: dict) -> None:
    """Test photos for the demo, drawn at random: one per label and value of the first slice."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "certainty" in test:
        test = test[test.certainty == "certain label"]  # experts agree on these
    for values, rows in test.groupby([*slices[:1], "label"]):
        sample = rows.sample(1, random_state=0).iloc[0]
        words = [str(value) for value in values[:-1]]
        words += [names["positive"] if sample.label else names["negative"], Path(sample.id).stem]
        name = re.sub(r"[^\w-]+", "-", "-".join(words))  # a file name on every system
        Image.fromarray(photos[sample.row]).save(folder / f"{name}.png")
