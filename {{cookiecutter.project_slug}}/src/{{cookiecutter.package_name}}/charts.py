"""Charts of reports/metrics.json, large enough for a phone and opaque for light and dark pages."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
import pandas as pd

matplotlib.use("agg")
import matplotlib.pyplot as plt

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


def save(figure: plt.Figure, name: str) -> None:
    """Writes a figure without its time of making, so that the same data gives the same file."""
    figure.savefig(FIGURES / f"{name}.png", bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def draw(metrics: dict, photos: Iterable[tuple[str, plt.Figure]]) -> None:
    """Writes every chart and the given figures to docs/figures/."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for name, draw_one in CHARTS.items():
            figure, axes = plt.subplots()
            draw_one(axes, metrics)
            save(figure, name)
        for name, figure in photos:
            save(figure, name)


def whiskers(found: list[dict[str, float]]) -> tuple[list[float], list[list[float]]]:
    """Values of metrics, and how far their intervals reach to either side."""
    values = [f["value"] for f in found]
    low = [max(0, f["value"] - f["low"]) for f in found]
    high = [max(0, f["high"] - f["value"]) for f in found]
    return values, [low, high]


def draw_leak(axes: plt.Axes, metrics: dict) -> None:
    """AUC of baseline and quick network on each split, with intervals."""
    for offset, (name, colour) in enumerate({"baseline": "#D55E00", "frozen": "#0072B2"}.items()):
        found = [split[name]["auc"] for split in metrics["leak"].values()]
        values, errors = whiskers(found)
        at = [i + 0.3 * offset for i in range(len(found))]
        axes.bar(at, values, 0.27, color=colour, label=name, yerr=errors, capsize=5)
    axes.set_xticks([i + 0.15 for i in range(len(metrics["leak"]))])
    axes.set_xticklabels([f"{split} split" for split in metrics["leak"]])
    axes.set(ylim=(0.5, 1), ylabel="AUC on test")
    axes.legend(ncols=2, loc="upper center")


def draw_training(axes: plt.Axes, metrics: dict) -> None:
    """Loss by epoch."""
    for part, style in (("train", "--"), ("val", "-")):
        history = pd.read_csv(f"models/history/plots/metrics/{part}/loss.tsv", sep="\t")
        axes.plot(range(1, len(history) + 1), history["loss"], style, lw=3, color="#0072B2", label=part)
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()


def draw_calibration(axes: plt.Axes, metrics: dict) -> None:
    """Share of positives against predicted probability."""
    found = metrics["calibration"]
    axes.plot([0, 1], [0, 1], color="#6C757D", lw=1.5, ls="--")
    axes.plot(found["probability"], found["share"], "o-", lw=3, ms=9, color=COLOURS["network"])
    axes.set(xlabel="predicted probability", ylabel="share of positives", xlim=(0, 1), ylim=(0, 1))


def draw_cost(axes: plt.Axes, metrics: dict) -> None:
    """Cost against the assumed price of a miss, thresholds chosen on validation each time."""
    rows = pd.DataFrame(metrics["costs"])
    for name, colour in COLOURS.items():
        axes.plot(rows["ratio"], rows[name], "o-", lw=3, ms=8, color=colour, label=name)
    axes.set(xscale="log", xlabel="a miss costs as much as ... false alarms", ylabel="cost per 1,000")
    axes.set_xticks(rows["ratio"], rows["ratio"])
    axes.minorticks_off()
    axes.legend()


def draw_slices(axes: plt.Axes, metrics: dict) -> None:
    """AUC of network and baseline in each slice, with intervals."""
    names = list(metrics["slices"])
    for offset, name in enumerate(("network", "baseline")):
        found = [metrics["slices"][s][name] for s in names]
        values, errors = whiskers(found)
        at = [i + 0.25 * offset for i in range(len(names))]
        axes.errorbar(values, at, xerr=errors, fmt="o", ms=9, lw=3, color=COLOURS[name], label=name)
    axes.set_yticks([i + 0.125 for i in range(len(names))], names)
    axes.set(xlabel="AUC on test")
    axes.invert_yaxis()
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.22), ncols=2)


CHARTS = {
    "leak": draw_leak,
    "training": draw_training,
    "calibration": draw_calibration,
    "cost": draw_cost,
    "slices": draw_slices,
}
