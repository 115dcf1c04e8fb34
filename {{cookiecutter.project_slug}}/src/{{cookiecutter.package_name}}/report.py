"""reports/ -> figures, docs/results.md and the numbers in README.md (`dvc repro report`).

Every number a reader sees is written here from reports/metrics.json; none is typed by hand.
"""

import json
import re
from pathlib import Path

import matplotlib
import pandas as pd
from omegaconf import DictConfig

matplotlib.use("agg")
import matplotlib.pyplot as plt

from . import batches, config, evaluate, explain

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
# What each metric is called, how it is written and what is good.
NAMES = {
    "auc": ("AUC", ".3f", "higher"),
    "accuracy": ("Accuracy", ".1%", "higher"),
    "recall": ("Found at the threshold", ".1%", "higher"),
    "false_alarm_rate": ("False alarms at the threshold", ".1%", "lower"),
    "recall_at_10": ("Found at 10% false alarms", ".1%", "higher"),
    "brier": ("Brier score", ".3f", "lower"),
    "cost_per_1000": ("Cost per 1,000", ",.0f", "lower"),
}
COLUMNS = ("network", "baseline", "trivial", "difference")


@config.main
def main(cfg: DictConfig) -> None:
    """Draws docs/figures/, writes docs/results.md, fills README.md, prints the result."""
    metrics = json.loads(evaluate.METRICS.read_text())
    predictions = pd.read_parquet(evaluate.PREDICTIONS)
    FIGURES.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for name, draw in CHARTS.items():
            figure, axes = plt.subplots()
            draw(axes, metrics)
            save(figure, name)
        for name, figure in explain.figures(batches.read()[0], predictions, metrics, cfg):
            save(figure, name)
    Path("docs/results.md").write_text(results(metrics, predictions, cfg), encoding="utf-8")
    for page in (Path("README.md"), Path("docs/index.md")):
        page.write_text(fill(page.read_text(encoding="utf-8"), blocks(metrics, cfg)), encoding="utf-8")
    print(plain(metrics))


def save(figure: plt.Figure, name: str) -> None:
    """Writes a figure without its time of making, so that the same data gives the same file."""
    figure.savefig(FIGURES / f"{name}.png", bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


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


def written(metric: dict[str, float], form: str, signed: bool = False) -> str:
    """A metric as text: value (low to high)."""
    sign = "+" if signed else ""
    value, low, high = (f"{metric[k]:{sign}{form}}" for k in ("value", "low", "high"))
    return value if low == high == value else f"{value} ({low} to {high})"


def rows(metrics: dict) -> list[list[str]]:
    """The result table: a row a metric, a column each for COLUMNS."""
    found = {**metrics, "network": metrics["test"]}
    return [
        [f"{name} ({better} is better)"]
        + [written(found[c][key], form, signed=c == "difference") for c in COLUMNS]
        for key, (name, form, better) in NAMES.items()
    ]


def table(header: list[str], body: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(metrics: dict) -> str:
    """The result table for a terminal."""
    body = [["", *COLUMNS], *rows(metrics)]
    widths = [max(len(row[i]) for row in body) for i in range(len(body[0]))]
    lines = ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in body]
    return "\n".join(["", *(line.rstrip() for line in lines), "", verdict(metrics)])


def verdict(metrics: dict) -> str:
    """Whether the network beats the baseline, in words, by the interval of the difference."""
    auc = metrics["difference"]["auc"]
    by = f"{written(auc, '.3f', signed=True)} AUC on {metrics['n_test']} test samples"
    if auc["low"] > 0:
        return f"The network beats the baseline: {by}."
    if auc["high"] < 0:
        return f"The baseline wins: {by}."
    return f"The network is not distinguishable from the baseline: {by}."


def told(sentence: str, metrics: dict, cfg: DictConfig) -> str:
    """A sentence of conf/data with its {placeholders} filled."""
    numbers = {key: metric["value"] for key, metric in metrics["test"].items()}
    numbers |= {f"baseline_{key}": metric["value"] for key, metric in metrics["baseline"].items()}
    numbers |= {f"unseen_{key}": value for key, value in metrics["unseen"].get("network", {}).items()}
    return sentence.format(**numbers, baseline=cfg.data.story.baseline)


def blocks(metrics: dict, cfg: DictConfig) -> dict[str, str]:
    """What stands between the markers of README.md."""
    story = cfg.data.story
    result = table(["Test set", *COLUMNS], rows(metrics))
    looks = len(evaluate.LEDGER.read_text().splitlines())
    limits = [told(story.unseen, metrics, cfg)] if metrics["unseen"] else []
    limits.append(story.limits)
    return {
        "headline": f"{told(story.headline, metrics, cfg)}\n\n**{' '.join(limits)}**\n\n{story.attribution}",
        "results": f"{result}\n\n{verdict(metrics)} In brackets: 95% intervals over "
        f"{metrics['groups_test']} test {story.group}s. The ledger counts {looks} looks at test data.",
    }


def fill(text: str, found: dict[str, str]) -> str:
    """The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    for name, block in found.items():
        markers = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = markers.sub(lambda m, block=block: f"{m[1]}{block}\n{m[2]}", text)
    return text


def unseen(metrics: dict, unit: str) -> str:
    """The metrics on what differs in kind from all training data, as a table."""
    found = metrics["unseen"]
    if not found:
        return "This split keeps nothing apart that differs in kind from the training data."
    body = [
        [name, *(f"{found[who][key]:{form}}" for who in COLUMNS[:3])]
        for key, (name, form, _) in NAMES.items()
        if key in found["network"]
    ]
    return table([f"{found['n']} {unit}s", *COLUMNS[:3]], body)


def results(metrics: dict, predictions: pd.DataFrame, cfg: DictConfig) -> str:
    """The page docs/results.md."""
    story = cfg.data.story
    leak = [
        [split, *(written(found[name]["auc"], ".3f") for name in ("baseline", "frozen"))]
        for split, found in metrics["leak"].items()
    ]
    parts = [
        [name, str(s["n"]), str(s["positive"])] + [written(s[who], ".3f") for who in ("network", "baseline")]
        for name, s in metrics["slices"].items()
    ]
    worst = predictions.assign(off=(predictions.network - predictions.label).abs())
    worst = worst.sort_values(["off", "id"], ascending=[False, True]).head(20)
    errors = [
        [r.id, str(r.group), story.positive if r.label else story.negative, f"{r.network:.3f}"]
        for r in worst.itertuples()
    ]
    costs = [[f"{row['ratio']} : 1", *(f"{row[c]:,.0f}" for c in COLUMNS[:3])] for row in metrics["costs"]]
    return f"""# Results

<!-- Written by `dvc repro report` from reports/metrics.json. Changes here are overwritten. -->

{told(story.headline, metrics, cfg)} {verdict(metrics)}

{table(["Test set", *COLUMNS], rows(metrics))}

{metrics["n_test"]} {story.unit}s of {metrics["groups_test"]} {story.group}s that no part of the
training has seen. In brackets: 95% percentile intervals from {cfg.bootstrap} draws of whole
{story.group}s. Difference: network minus baseline on the same draws. Trivial: the share of
{story.positive} {story.unit}s in training, for every {story.unit}. Thresholds: chosen on
validation; the one for cost is {metrics["threshold"]:.3f}.

Command: `uv run dvc repro evaluate`.

## The leak

{table(["Split", "baseline AUC", "frozen network AUC"], leak)}

A random split puts {story.unit}s of one {story.group} on both sides, so a model is rewarded for
recognising the {story.group}. Papers use it; the headline here does not.

![AUC of baseline and frozen network on both splits](figures/leak.png)

## Training

![Loss of each epoch on training and validation](figures/training.png)

## Slices

{table(["Slice", "n", story.positive, "network AUC", "baseline AUC"], parts)}

![AUC in each slice with intervals](figures/slices.png)

## Never seen

{unseen(metrics, story.unit)}

## Calibration

Mean gap between probability and frequency (ECE): {metrics["calibration"]["ece"]:.3f}.

![Share of positives against predicted probability](figures/calibration.png)

## Cost

A miss costs {cfg.data.cost.miss:g}, a false alarm {cfg.data.cost.false_alarm:g} ({cfg.data.cost.source}).
Cost per 1,000 {story.unit}s when the ratio is another one, thresholds chosen anew on validation:

{table(["Miss : false alarm", "network", "baseline", "trivial"], costs)}

![Cost per 1,000 against the assumed ratio](figures/cost.png)

## Worst errors

{table(["id", story.group, "label", "probability"], errors)}

![The worst errors, and what the network reacted to](figures/errors.png)

{story.attribution}
"""


if __name__ == "__main__":
    main()
