"""Charts of reports/metrics.json, large enough for a phone and opaque for light and dark pages."""

import io
import textwrap
from collections.abc import Iterable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from omegaconf import DictConfig
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.font_manager import findfont, get_font

from . import predict, scores
from .config import BadInput

FIGURES = Path("docs/figures")
COLOURS = {"network": "#0072B2", "baseline": "#D55E00", "trivial": "#6C757D"}  # Okabe and Ito, 2008
STYLE = {
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 180,
    "figure.constrained_layout.use": True,
    "font.size": 15,  # 12 pixels on a phone
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def save(figure: plt.Figure, name: str, **how: str) -> None:
    """Writes a figure for a phone's network: 1,200 pixels, 256 colours. The same data gives the same file."""
    drawn = io.BytesIO()
    figure.savefig(drawn, **how)
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB")
    picture.thumbnail((1200, 1200))
    picture.quantize(256, dither=Image.Dither.NONE).save(FIGURES / f"{name}.png", optimize=True)


def draw(metrics: dict, samples: Iterable[tuple[str, plt.Figure]]) -> None:
    """Writes every chart and the given figures to docs/figures/."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for name, draw_one in CHARTS.items():
            figure, axes = plt.subplots()
            draw_one(axes, metrics)
            save(figure, name, bbox_inches="tight")
        for name, figure in samples:
            save(figure, name, bbox_inches="tight")


def card(title: str, said: str, name: str, values: dict[str, str], sizes: list[float]) -> None:
    """The picture beside a link to the site: 1200 x 630 pixels, as Open Graph and its readers expect.

    Args:
        title: name of the project, left out if the font lacks its letters
        said: a sentence
        name: the metric that the bars show
        values: of network, baseline and trivial answer, as text
        sizes: the same as numbers
    """
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    plain = {"parse_math": False, "color": "#495057"}
    if set(map(ord, title)) <= set(get_font(findfont("DejaVu Sans")).get_charmap()):
        size = min(38, 1600 / len(title))
        figure.text(0.05, 0.84, title, fontsize=size, weight="bold", parse_math=False)
    figure.text(0.05, 0.77, textwrap.fill(said, 62), fontsize=23, va="top", linespacing=1.4, **plain)
    axes = figure.add_axes((0.20, 0.07, 0.75, 0.36))
    axes.barh(list(values), sizes, color=[COLOURS[who] for who in values], height=0.72)
    for i, (who, value) in enumerate(values.items()):
        axes.text(sizes[i], i, f" {value}", va="center", fontsize=34, weight="bold", color=COLOURS[who])
    axes.set(xlim=(0, 1.3 * max(sizes) or 1), xticks=[])
    axes.set_title(name, loc="left", fontsize=18, pad=10, **plain)
    axes.tick_params(length=0, labelsize=24)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()
    save(figure, "social")


def whiskers(found: list[dict[str, float]]) -> tuple[list[float], list[list[float]]]:
    """Values of metrics, and how far their intervals reach to either side."""
    values = [f["value"] for f in found]
    low = [max(0, f["value"] - f["low"]) for f in found]
    high = [max(0, f["high"] - f["value"]) for f in found]
    return values, [low, high]


def first(metrics: dict) -> str:
    """Name of the first metric."""
    return scores.METRICS[metrics["task"]][scores.FIRST[metrics["task"]]][0]


def draw_leak(axes: plt.Axes, metrics: dict) -> None:
    """First metric of baseline and quick network on each split, with intervals."""
    for offset, (name, colour) in enumerate({"baseline": "#D55E00", "frozen": "#0072B2"}.items()):
        found = [split[name] for split in metrics["leak"].values()]
        values, errors = whiskers(found)
        at = [i + 0.3 * offset for i in range(len(found))]
        axes.bar(at, values, 0.27, color=colour, label=name, yerr=errors, capsize=5)
    axes.set_xticks([i + 0.15 for i in range(len(metrics["leak"]))])
    axes.set_xticklabels([f"{split} split" for split in metrics["leak"]])
    if metrics["task"] == "classification":
        axes.set(ylim=(0.5, 1))
    axes.set(ylabel=f"{first(metrics)} on test")
    axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))


def draw_training(axes: plt.Axes, metrics: dict) -> None:
    """Loss by epoch."""
    if not (path := Path("models/history/metrics.csv")).exists():
        raise BadInput(f"{path}: missing; train with csv among the loggers")
    history = pd.read_csv(path)
    for part, style in (("train", "--"), ("val", "-")):
        loss = history[f"{part}/loss"].dropna()
        axes.plot(range(1, len(loss) + 1), loss, style, lw=3, color="#0072B2", label=part)
    axes.set(xlabel="epoch", ylabel="loss")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()


def draw_calibration(axes: plt.Axes, metrics: dict) -> None:
    """Share of positives against predicted probability, or of targets below each predicted quantile."""
    found = metrics["calibration"]
    x, y = "predicted probability", "share of positives"
    if metrics["task"] == "regression":
        x, y = "predicted quantile", "share of targets below"
    axes.plot([0, 1], [0, 1], color="#6C757D", lw=1.5, ls="--")
    axes.plot(found["promised"], found["observed"], "o-", lw=3, ms=9, color=COLOURS["network"])
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1))


def draw_cost(axes: plt.Axes, metrics: dict) -> None:
    """Cost against the assumed price of a miss, or how much of the cost the worst errors make."""
    if metrics["task"] == "regression":
        return draw_worst(axes)
    rows = pd.DataFrame(metrics["costs"])
    for name, colour in COLOURS.items():
        axes.plot(rows["ratio"], rows[name], "o-", lw=3, ms=8, color=colour, label=name)
    axes.set(xscale="log", xlabel="a miss costs as much as ... false alarms", ylabel="cost per 1,000")
    axes.set_xticks(rows["ratio"], rows["ratio"])
    axes.minorticks_off()
    axes.legend()


def draw_worst(axes: plt.Axes) -> None:
    """Share of the whole cost in the worst errors (a Lorenz curve)."""
    predictions = pd.read_parquet("models/predictions.parquet")
    share = np.linspace(0, 1, 101)
    for name in ("network", "baseline"):
        error = np.sort((predictions.label - predictions[name]).abs())[::-1]
        part = np.concatenate([[0], np.cumsum(error) / error.sum()])
        axes.plot(share, part[(share * len(error)).astype(int)], lw=3, color=COLOURS[name], label=name)
    axes.set(xlabel="share of forecasts, worst first", ylabel="share of the cost", xlim=(0, 1), ylim=(0, 1))
    axes.legend()


def draw_slices(axes: plt.Axes, metrics: dict) -> None:
    """First metric of network and baseline in each slice, with intervals."""
    names = list(metrics["slices"])
    for offset, name in enumerate(("network", "baseline")):
        found = [metrics["slices"][s][name] for s in names]
        values, errors = whiskers(found)
        at = [i + 0.25 * offset for i in range(len(names))]
        axes.errorbar(values, at, xerr=errors, fmt="o", ms=9, lw=3, color=COLOURS[name], label=name)
    axes.set_yticks([i + 0.125 for i in range(len(names))], names)
    axes.set(xlabel=f"{first(metrics)} on test")
    axes.invert_yaxis()
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.22), ncols=2)


def decision(axes: plt.Axes, probability: float, threshold: float, story: DictConfig) -> None:
    """The answer in words, with the probability on a scale that marks the threshold."""
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


def forecast(axes: plt.Axes, low: float, middle: float, high: float, story: DictConfig) -> None:
    """The forecast in words, with its 80% interval."""
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1), box_aspect=1)
    axes.set_title("answer", fontsize=22)
    axes.text(0.05, 0.66, predict.number(middle), fontsize=58, weight="bold", color=COLOURS["network"])
    axes.text(0.05, 0.54, story.target, fontsize=22)
    ends = f"{predict.number(low, like=middle)} to {predict.number(high, like=middle)}"
    axes.text(0.05, 0.30, f"80% interval\n{ends}", fontsize=22)


CHARTS = {
    "leak": draw_leak,
    "training": draw_training,
    "calibration": draw_calibration,
    "cost": draw_cost,
    "slices": draw_slices,
}
