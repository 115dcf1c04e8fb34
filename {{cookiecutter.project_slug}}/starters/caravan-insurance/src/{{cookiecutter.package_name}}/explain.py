"""Figures that show rows: the README's example figure, the data, the worst errors.

x (n, columns) are all rows, and test.row is the position of a test row in x.
"""

import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from heldout import figures, tables
from heldout.pages import number

from .predict import Predictor

RAISES, LOWERS = "#D55E00", "#0072B2"  # orange and blue of Okabe and Ito (2008)
MIN_ROWS = 20  # behind a bar in the figure of the data


def hero(x: np.ndarray, test: pd.DataFrame, threshold: float | None) -> plt.Figure:
    """Values, reasons and prediction of a row: the highest prediction among the highest labels."""
    predictor = Predictor()
    names = predictor.schema["names"]
    sample = test[test.label == test.label.max()].nlargest(1, "network").iloc[0]
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
    draw_reasons(axes[0], predictor, x[sample.row], count=8)
    axes[0].set_title("Shapley values", fontsize=22)
    if threshold is None:
        low, high = sample.network_low, sample.network_high
        figures.forecast(axes[1], low, sample.network, high, names["target"])
    else:
        figures.decision(axes[1], sample.network, threshold, names)
    return figure


def data_examples(x: np.ndarray, test: pd.DataFrame) -> plt.Figure:
    """Mean label in the test set by the values of four columns."""
    predictor = Predictor()
    figure, axes = plt.subplots(2, 2, figsize=(11, 7), layout="constrained")
    for cell, i in zip(axes.flat, predictor.shown, strict=False):
        values, column = pd.Series(x[test.row, i], test.index).dropna(), predictor.columns[i]
        if "values" not in column and values.nunique() > 10:  # six bins, named by the upper edge
            bins = pd.qcut(values, 6, duplicates="drop")
            values = bins.map(lambda edges: edges.right).astype(float)
        groups = test.label.groupby(values)
        means = groups.mean()[groups.size() >= MIN_ROWS].head(10)
        cell.bar([tables.as_text(value, column)[:8] for value in means.index], means, color=LOWERS)
        cell.set_title(predictor.titles[i][:32], fontsize=15)
        cell.tick_params(axis="x", labelsize=12)
    figure.supylabel("mean of " + predictor.schema["names"]["target"])
    return figure


def worst_errors(x: np.ndarray, test: pd.DataFrame) -> plt.Figure:
    """The three worst errors to either side, each with the columns that led there."""
    predictor, error = Predictor(), test.network - test.label
    worst = [*error.nsmallest(3).index, *error.nlargest(3).index]  # too low, too high
    figure, axes = plt.subplots(2, 3, figsize=(17, 8), layout="constrained")
    for cell, sample in zip(axes.flat, test.loc[worst].itertuples(), strict=False):
        draw_reasons(cell, predictor, x[sample.row], count=5)
        cell.set_title(f"predicted {number(sample.network)}, label {sample.label:g}", fontsize=15)
    return figure


def draw_reasons(axes: plt.Axes, predictor: Predictor, row: np.ndarray, count: int) -> None:
    """The largest Shapley values of a row (columns,) as bars: orange raises, blue lowers."""
    values = predictor.shapley_values(row)
    top = np.argsort(-np.abs(values))[:count]
    count = len(top)  # a table may have fewer columns
    axes.barh(range(len(top)), values[top], color=np.where(values[top] > 0, RAISES, LOWERS))
    texts = [tables.as_text(row[i], predictor.columns[i]) for i in top]
    texts = [f"{predictor.titles[i][:28]}: {text}" for i, text in zip(top, texts, strict=True)]
    axes.set_yticks(range(len(top)), texts, fontsize=14)
    axes.axvline(0, color="black", lw=1)
    axes.invert_yaxis()


def save_examples(x: np.ndarray, test: pd.DataFrame, columns: list[dict]) -> None:
    """Test rows for the demo as CSV files: two with the lowest label, two with the highest."""
    folder = Path("docs/examples")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    by_label = test.sample(len(test), random_state=0).sort_values("label", kind="stable")
    for sample in by_label.iloc[[0, 1, -2, -1]].itertuples():
        pairs = zip(x[sample.row], columns, strict=True)
        row = {column["name"]: [tables.as_text(value, column)] for value, column in pairs}
        name = re.sub(r"[^\w.-]+", "-", f"label-{sample.label:g}-row-{sample.id}")
        table = pd.DataFrame(row).replace("missing", None)
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
