"""Figures of a report, large enough for a phone and opaque for light and dark pages."""

import contextlib
import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.font_manager import findfont, get_font
from numpy.typing import ArrayLike
from PIL import Image

from .errors import InputError, making
from .pages import number

# Colors of Okabe and Ito (2008), which the color-blind can tell apart; the rest is for more models
COLORS = {"network": "#0072B2", "baseline": "#D55E00", "constant": "#6C757D"}
MORE_COLORS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLE = {
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 180,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
    "font.size": 15,  # 12 pixels on a phone
    "lines.linewidth": 3,
    "lines.markersize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def save(figure: plt.Figure, path: Path | str) -> None:
    """Writes a PNG file for a phone's network: at most 1,200 pixels, 256 colors, no date inside."""
    drawn = io.BytesIO()
    figure.savefig(drawn)
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB")
    picture.thumbnail((1200, 1200))
    with making(Path(path)) as new:
        quantized = picture.quantize(256, dither=Image.Dither.NONE)
        quantized.save(new, format="PNG", optimize=True)


@contextlib.contextmanager
def drawing(path: Path | str, **options: object) -> Iterator[plt.Axes]:
    """Axes to draw on; the figure, made with `options`, is saved after the block."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(**options)
        yield axes
        save(figure, path)


def colors(models: Sequence[str]) -> dict[str, str]:
    """A color per model: network and constant have their own, the first other is the baseline's."""
    free = iter((COLORS["baseline"], *MORE_COLORS * len(models)))
    return {model: COLORS.get(model) or next(free) for model in models}


def curves(
    points: Mapping[str, tuple[ArrayLike, ArrayLike]],
    path: Path | str,
    marker: str,
    **axes_settings,
) -> None:
    """A line for each model: points {model: (x, y)}; the settings are those of Axes.set."""
    with drawing(path) as axes:
        for model, color in colors(list(points)).items():
            axes.plot(*points[model], marker, color=color, label=model)
        axes.set(**axes_settings)
        axes.legend()


def calibration(report: dict, path: Path | str) -> None:
    """Share of positives by predicted probability, or share of targets below each quantile."""
    x_label, y_label = "predicted probability", "share of positives"
    if report["task"] == "regression":
        x_label, y_label = "predicted quantile", "share of targets below"
    curve = report["calibration"]
    with drawing(path) as axes:
        axes.plot([0, 1], [0, 1], "--", color=COLORS["constant"], lw=1.5)
        axes.plot(curve["predicted"], curve["observed"], "o-", color=COLORS["network"])
        axes.text(0.04, 0.9, f"ECE {curve['ece']:.3f}", transform=axes.transAxes)
        axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1))


def roc(predictions: pd.DataFrame, models: Sequence[str], path: Path | str) -> None:
    """ROC curves: true positive rate by false positive rate; predictions has `label` and models."""
    from sklearn.metrics import roc_curve  # here: the public demo draws without scikit-learn

    points = {}
    for model in models:
        false_positive_rate, recall, _ = roc_curve(predictions.label > 0, predictions[model])
        points[model] = false_positive_rate, recall
    points["constant"] = (0, 1), (0, 1)
    settings = {"xlim": (0, 1), "ylim": (0, 1.01)}
    curves(points, path, "-", xlabel="false positive rate", ylabel="recall", **settings)


def cost_curve(report: dict, models: Sequence[str], path: Path | str) -> None:
    """Cost per 1,000 samples by the assumed ratio of a miss to a false positive."""
    rows = pd.DataFrame(report["costs"])
    ratios = [f"{ratio:g}" for ratio in rows["ratio"]]
    points = {model: (ratios, rows[model]) for model in models}
    x_label = "cost of a miss, in false positives"
    curves(points, path, "o-", xlabel=x_label, ylabel="cost per 1,000")


def error_concentration(predictions: pd.DataFrame, models: Sequence[str], path: Path | str) -> None:
    """Share of the total absolute error in the worst forecasts (a Lorenz curve)."""
    points = {}
    for model in models:
        error = np.sort((predictions.label - predictions[model]).abs())[::-1]
        total = np.append(0, np.cumsum(error) / max(error.sum(), 1e-12))
        points[model] = np.linspace(0, 1, len(total)), total
    settings = {"xlim": (0, 1), "ylim": (0, 1.01), "ylabel": "share of the total error"}
    curves(points, path, "-", xlabel="share of forecasts, worst first", **settings)


def training(history: Path | str, path: Path | str) -> None:
    """Loss by epoch on training and validation; history is the CSV file of Lightning's logger."""
    if not Path(history).exists():
        raise InputError(f"{history}: missing; train with csv among the loggers")
    # Training and validation loss of an epoch are in two rows
    losses = pd.read_csv(history).groupby("epoch")[["train/loss", "val/loss"]].mean()
    with drawing(path) as axes:
        losses.set_axis(losses.index + 1).plot(ax=axes, style=["--", "-"], color=COLORS["network"])
        axes.set(xlabel="epoch", ylabel="loss")
        axes.locator_params("x", integer=True)


def intervals(
    scores: Mapping[str, Mapping[str, Mapping[str, float]]],
    models: Sequence[str],
    label: str,
    path: Path | str,
    kind: str = "",
) -> None:
    """Values with 95% intervals, scores {slice: {model: {"value", "low", "high"}}}.

    `label` is the name of the metric, `kind` what the slices are, such as "split".
    """
    with drawing(path, figsize=(6.4, 0.6 * len(scores) + 1.6)) as axes:
        for i, (model, color) in enumerate(colors(models).items()):
            results = pd.DataFrame([score[model] for score in scores.values()])
            y = np.arange(len(scores)) + 0.25 * i
            axes.hlines(y, results.low, results.high, color=color, lw=3)
            axes.plot(results.value, y, "o", color=color, label=model)
        axes.set_yticks(np.arange(len(scores)) + 0.125 * (len(models) - 1), list(scores))
        axes.set(xlabel=f"{label} on test", ylabel=kind)
        axes.invert_yaxis()
        axes.legend(ncols=len(models), loc="lower left", bbox_to_anchor=(0, 1))


def social_card(context: dict, sentence: str, path: Path | str) -> None:
    """The picture beside a link to the site: 1200 x 630 pixels, as Open Graph expects.

    The bars show the first headline metric of pages.context, below the sentence as plain text.
    """
    key, models = context["headline_metrics"][0], ["network", context["baseline_name"], "constant"]
    metric, scores = context["metrics"][key], context["report"]["results"]
    sizes = [scores[model][key]["value"] for model in models]
    title = Path("README.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    style = {"parse_math": False, "color": "#495057"}
    # The font lacks the letters of some languages
    if set(map(ord, title)) <= set(get_font(findfont("DejaVu Sans")).get_charmap()):
        size = min(38, 1600 / max(len(title), 1))
        figure.text(0.05, 0.84, title, fontsize=size, weight="bold", parse_math=False)
    text = textwrap.fill(textwrap.shorten(sentence, 240, placeholder=" ..."), 62)
    figure.text(0.05, 0.77, text, fontsize=23, va="top", linespacing=1.4, **style)
    axes = figure.add_axes((0.20, 0.07, 0.75, 0.36))
    bars = axes.barh(models, sizes, color=list(colors(models).values()), height=0.72)
    values = [context["point"][model][key] for model in models]
    axes.bar_label(bars, values, padding=8, fontsize=34, weight="bold")
    axes.set(xlim=(0, 1.3 * max(*sizes, 1e-12)), xticks=[])
    label = f"{metric['label']} ({metric['better']} is better)"
    axes.set_title(label, loc="left", fontsize=18, pad=10, **style)
    axes.tick_params(length=0, labelsize=24)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()
    save(figure, path)


def decision(
    axes: plt.Axes, probability: float, threshold: float, names: Mapping[str, str]
) -> None:
    """The probability on a scale that marks the threshold, and what it means: a panel of the hero.

    names: "positive", and "flag" and "pass" (what to do above and below the threshold).
    """
    action, color = names["pass"], COLORS["network"]
    if probability >= threshold:
        action, color = names["flag"], COLORS["baseline"]
    panel(axes, "decision", f"{probability:.0%}", names["positive"], color)
    axes.barh(0.45, 0.9, 0.07, left=0.05, color="#E9ECEF")
    axes.barh(0.45, 0.9 * probability, 0.07, left=0.05, color=color)
    axes.plot([0.05 + 0.9 * threshold] * 2, [0.38, 0.52], color="black", lw=3)
    axes.text(0.05, 0.25, f"threshold {threshold:.0%}", fontsize=18)
    axes.text(0.05, 0.08, f"→ {action}", fontsize=26, weight="bold")


def forecast(axes: plt.Axes, low: float, middle: float, high: float, label: str) -> None:
    """The forecast with its 80% interval: a panel of the hero; label: target and unit."""
    panel(axes, "forecast", number(middle), label, COLORS["network"])
    ends = f"{number(low, like=middle)} to {number(high, like=middle)}"
    axes.text(0.05, 0.30, f"80% interval\n{ends}", fontsize=22)


def panel(axes: plt.Axes, title: str, value: str, label: str, color: str) -> None:
    """Axes for text only: a large value with its label below."""
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1), box_aspect=1)
    axes.set_title(title, fontsize=22)
    axes.text(0.05, 0.72, value, fontsize=58, weight="bold", color=color)
    axes.text(0.05, 0.60, label, fontsize=22)
