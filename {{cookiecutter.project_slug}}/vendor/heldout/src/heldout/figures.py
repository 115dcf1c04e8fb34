"""Figures of a report, large enough for a phone and opaque for light and dark pages."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.font_manager import findfont, get_font
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
    "font.size": 15,  # 12 pixels on a phone
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def save(figure: plt.Figure, path: Path | str, **options: str) -> None:
    """Writes a PNG file for a phone's network: at most 1,200 pixels, 256 colors, no date inside."""
    drawn = io.BytesIO()
    figure.savefig(drawn, **options)
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB")
    picture.thumbnail((1200, 1200))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with making(Path(path)) as new:
        quantized = picture.quantize(256, dither=Image.Dither.NONE)
        quantized.save(new, format="PNG", optimize=True)


def colors(models: Sequence[str]) -> dict[str, str]:
    """A color per model: network and constant have their own, the first other is the baseline's."""
    free = iter((COLORS["baseline"], *MORE_COLORS * len(models)))
    return {model: COLORS.get(model) or next(free) for model in models}


def calibration(report: dict, path: Path | str) -> None:
    """Share of positives by predicted probability, or share of targets below each quantile."""
    x_label, y_label = "predicted probability", "share of positives"
    if report["task"] == "regression":
        x_label, y_label = "predicted quantile", "share of targets below"
    curve = report["calibration"]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        axes.plot([0, 1], [0, 1], color=COLORS["constant"], lw=1.5, ls="--")
        axes.plot(curve["predicted"], curve["observed"], "o-", lw=3, ms=9, color=COLORS["network"])
        axes.text(0.04, 0.9, f"ECE {curve['ece']:.3f}", transform=axes.transAxes)
        axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1))
        save(figure, path, bbox_inches="tight")


def roc(predictions: pd.DataFrame, models: Sequence[str], path: Path | str) -> None:
    """ROC curves: true positive rate by false positive rate; predictions has `label` and models."""
    positive = predictions.label.to_numpy() > 0
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        axes.plot([0, 1], [0, 1], color=COLORS["constant"], lw=1.5, ls="--")
        for model, color in colors(models).items():
            order = np.argsort(-predictions[model].to_numpy(), kind="stable")
            p, hit = predictions[model].to_numpy()[order], positive[order]
            # One point per distinct probability: samples that tie are flagged together
            last = np.append(p[1:] != p[:-1], True)
            recall = np.append(0, np.cumsum(hit)[last]) / hit.sum()
            false_positive_rate = np.append(0, np.cumsum(~hit)[last]) / (~hit).sum()
            axes.plot(false_positive_rate, recall, lw=3, color=color, label=model)
        axes.set(xlabel="false positive rate", ylabel="recall", xlim=(0, 1), ylim=(0, 1.01))
        axes.legend(loc="lower right")
        save(figure, path, bbox_inches="tight")


def slices(report: dict, models: Sequence[str], label: str, path: Path | str) -> None:
    """One metric of some models in each slice, with its 95% interval; `label` names the metric."""
    names = list(report["slices"])
    height = max(4.0, 0.6 * len(names) + 1.6)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, height))
        for i, (model, color) in enumerate(colors(models).items()):
            values, errors = error_bars([report["slices"][name][model] for name in names])
            y = np.arange(len(names)) + 0.25 * i
            style = {"fmt": "o", "ms": 9, "lw": 3, "color": color, "label": model}
            axes.errorbar(values, y, xerr=errors, **style)
        axes.set_yticks(np.arange(len(names)) + 0.125 * (len(models) - 1), names)
        axes.set(xlabel=f"{label} on test")
        axes.invert_yaxis()
        axes.legend(ncols=len(models), loc="lower left", bbox_to_anchor=(0, 1))
        save(figure, path, bbox_inches="tight")


def leakage(scores: dict, models: Sequence[str], label: str, path: Path | str) -> None:
    """One metric on each split strategy; scores is {strategy: {model: interval}}."""
    drawn = [model for model in models if any(model in values for values in scores.values())]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for i, (model, color) in enumerate(colors(drawn).items()):
            strategies = [name for name in scores if model in scores[name]]
            values, errors = error_bars([scores[name][model] for name in strategies])
            x = [list(scores).index(name) + 0.3 * i for name in strategies]
            axes.bar(x, values, 0.27, color=color, label=model, yerr=errors, capsize=5)
        ticks = np.arange(len(scores)) + 0.15 * (len(drawn) - 1)
        axes.set_xticks(ticks, [f"{name} split" for name in scores])
        axes.set(ylabel=f"{label} on test")
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
        save(figure, path, bbox_inches="tight")


def error_bars(metrics: Sequence[Mapping[str, float]]) -> tuple[list[float], list[list[float]]]:
    """Values (n,), and how far their intervals reach to either side (2, n)."""
    values = [metric["value"] for metric in metrics]
    low = [max(0.0, metric["value"] - metric["low"]) for metric in metrics]
    high = [max(0.0, metric["high"] - metric["value"]) for metric in metrics]
    return values, [low, high]


def training(history: Path | str, path: Path | str) -> None:
    """Loss by epoch on training and validation; history is the CSV file of Lightning's logger."""
    if not Path(history).exists():
        raise InputError(f"{history}: missing; train with csv among the loggers")
    epochs = pd.read_csv(history)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for split, line in (("train", "--"), ("val", "-")):
            loss = epochs[f"{split}/loss"].dropna()
            axes.plot(range(1, len(loss) + 1), loss, line, lw=3, color="#0072B2", label=split)
        axes.set(xlabel="epoch", ylabel="loss")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        save(figure, path, bbox_inches="tight")


def cost_curve(report: dict, models: Sequence[str], path: Path | str) -> None:
    """Cost per 1,000 samples by the assumed ratio of a miss to a false positive."""
    rows = pd.DataFrame(report["costs"])
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for model, color in colors(models).items():
            axes.plot(rows["ratio"], rows[model], "o-", lw=3, ms=8, color=color, label=model)
        x_label = "cost of a miss, in false positives"
        axes.set(xscale="log", xlabel=x_label, ylabel="cost per 1,000")
        axes.set_xticks(rows["ratio"], rows["ratio"])
        axes.minorticks_off()
        axes.legend()
        save(figure, path, bbox_inches="tight")


def error_concentration(predictions: pd.DataFrame, models: Sequence[str], path: Path | str) -> None:
    """Share of the total absolute error in the worst forecasts (a Lorenz curve)."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for model, color in colors(models).items():
            error = np.sort((predictions.label - predictions[model]).abs().to_numpy())[::-1]
            total = np.append(0, np.cumsum(error) / max(error.sum(), 1e-12))
            share = np.linspace(0, 1, len(total))
            axes.plot(share, total, lw=3, color=color, label=model)
        x_label, y_label = "share of forecasts, worst first", "share of the total error"
        axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.01))
        axes.legend(loc="lower right")
        save(figure, path, bbox_inches="tight")


def social_card(
    title: str,
    sentence: str,
    label: str,
    values: Mapping[str, str],
    sizes: Sequence[float],
    path: Path | str,
) -> None:
    """The picture beside a link to the site: 1200 x 630 pixels, as Open Graph expects.

    Args:
        title: name of the project, left out if the font lacks its letters
        sentence: of the headline, plain text
        label: the metric that the bars show
        values: {model: value as text}; sizes: the same values as numbers
    """
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    style = {"parse_math": False, "color": "#495057"}
    if set(map(ord, title)) <= set(get_font(findfont("DejaVu Sans")).get_charmap()):
        size = min(38, 1600 / max(len(title), 1))
        figure.text(0.05, 0.84, title, fontsize=size, weight="bold", parse_math=False)
    text = textwrap.shorten(sentence, 240, placeholder=" ...")
    figure.text(
        0.05, 0.77, textwrap.fill(text, 62), fontsize=23, va="top", linespacing=1.4, **style
    )
    axes = figure.add_axes((0.20, 0.07, 0.75, 0.36))
    shades = colors(list(values))
    axes.barh(list(values), sizes, color=list(shades.values()), height=0.72)
    for i, (model, value) in enumerate(values.items()):
        style_value = {"fontsize": 34, "weight": "bold", "color": shades[model]}
        axes.text(max(sizes[i], 0), i, f" {value}", va="center", **style_value)
    axes.set(xlim=(0, 1.3 * max(*sizes, 1e-12)), xticks=[])
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
    panel(axes, "decision")
    axes.text(0.05, 0.72, f"{probability:.0%}", fontsize=58, weight="bold", color=color)
    axes.text(0.05, 0.60, names["positive"], fontsize=22)
    axes.barh(0.45, 0.9, 0.07, left=0.05, color="#E9ECEF")
    axes.barh(0.45, 0.9 * probability, 0.07, left=0.05, color=color)
    axes.plot([0.05 + 0.9 * threshold] * 2, [0.38, 0.52], color="black", lw=3)
    axes.text(0.05, 0.25, f"threshold {threshold:.0%}", fontsize=18)
    axes.text(0.05, 0.08, f"→ {action}", fontsize=26, weight="bold")


def forecast(axes: plt.Axes, low: float, middle: float, high: float, label: str) -> None:
    """The forecast with its 80% interval: a panel of the hero; label: target and unit."""
    panel(axes, "forecast")
    color = COLORS["network"]
    axes.text(0.05, 0.66, number(middle), fontsize=58, weight="bold", color=color)
    axes.text(0.05, 0.54, label, fontsize=22)
    ends = f"{number(low, like=middle)} to {number(high, like=middle)}"
    axes.text(0.05, 0.30, f"80% interval\n{ends}", fontsize=22)


def panel(axes: plt.Axes, title: str) -> None:
    """Axes for text only."""
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1), box_aspect=1)
    axes.set_title(title, fontsize=22)
