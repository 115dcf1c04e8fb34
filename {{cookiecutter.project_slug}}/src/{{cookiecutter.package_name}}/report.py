"""reports/ -> figures, docs/results.md and the numbers in README.md (`dvc repro report`).

Every number a reader sees is written here from reports/metrics.json; none is typed by hand.
"""

import json
import re
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from . import batches, charts, config, evaluate, explain

PAGES = Path("reports/pages.json")
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
    charts.draw(metrics, explain.figures(batches.read()[0], predictions, metrics, cfg))
    # mkdocs-macros and Zensical agree on files with top-level keys; the model card needs the second.
    evaluate.write_json(PAGES, {"metrics": metrics, "measured": metrics})
    write(Path("docs/results.md"), results(metrics, predictions, cfg))
    for page in (Path("README.md"), Path("docs/index.md")):
        write(page, fill(page.read_text(encoding="utf-8"), blocks(metrics, cfg)))
    print(plain(metrics))


def write(path: Path, text: str) -> None:
    """Writes a page with the same bytes on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


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
    """Whether the network beats the baseline in ranking and in cost, by the intervals of the differences."""
    auc, cost = (metrics["difference"][key] for key in ("auc", "cost_per_1000"))
    ranks = "cannot be told from the baseline in ranking"
    if not auc["low"] <= 0 <= auc["high"]:
        ranks = "ranks better than the baseline" if auc["low"] > 0 else "ranks worse: the baseline wins"
    costs = "not distinguishable"
    if not cost["low"] <= 0 <= cost["high"]:
        costs = "lower" if cost["high"] < 0 else "higher: the baseline wins"
    return (
        f"The network {ranks}: {written(auc, '.3f', signed=True)} AUC on {metrics['n_test']} test samples. "
        f"Cost at the chosen thresholds: {costs}, {written(cost, ',.0f', signed=True)} per 1,000."
    )


def told(sentence: str, metrics: dict, cfg: DictConfig) -> str:
    """A sentence of conf/data with its {placeholders} filled."""
    numbers = {key: metric["value"] for key, metric in metrics["test"].items()}
    numbers |= {f"baseline_{key}": metric["value"] for key, metric in metrics["baseline"].items()}
    numbers |= {f"unseen_{key}": value for key, value in metrics["unseen"].get("network", {}).items()}
    seen = cfg.data.story.seen[cfg.data.split]
    return sentence.format(**numbers, baseline=cfg.data.story.baseline, seen=seen)


def blocks(metrics: dict, cfg: DictConfig) -> dict[str, str]:
    """What stands between the markers of README.md."""
    story = cfg.data.story
    result = table(["Test set", *COLUMNS], rows(metrics))
    looks = len(evaluate.LEDGER.read_text().splitlines())
    limits = [told(story.unseen, metrics, cfg)] if metrics["unseen"] else []
    limits.append(story.limits)
    found = {
        "headline": f"{told(story.headline, metrics, cfg)}\n\n**{' '.join(limits)}**\n\n{story.attribution}",
        "results": f"{result}\n\n{verdict(metrics)} In brackets: 95% intervals over "
        f"{metrics['groups_test']} test {story.group}s. The threshold of each is the one that costs least on "
        f"validation. The ledger counts {looks} looks at test data.",
    }
    return found if cfg.data.starter else {**found, "starter": ""}


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

The test set is {metrics["n_test"]} {story.unit}s from {metrics["groups_test"]} {story.group}s;
they are {story.seen[cfg.data.split]}. In brackets: 95% percentile intervals from
{cfg.bootstrap} draws of whole {story.group}s. Difference: network minus baseline on the same draws.
Trivial: the share of
{story.positive} {story.unit}s in training, for every {story.unit}. Thresholds: chosen on
validation; the one for cost is {metrics["threshold"]:.3f}. "Found at 10% false alarms" is a point of the
curve of the test set, to compare rankings; the threshold in use gives the rows above it. With few
{story.group}s such intervals tend to be too narrow.

Command: `uv run dvc repro evaluate`.

## The leak

{table(["Split", "baseline AUC", "frozen network AUC"], leak)}

The test sets differ, and both leave out what occurs once. A random split puts {story.unit}s of one
{story.group} on both sides, so a model is rewarded for
recognising the {story.group}. Papers use it; the headline here does not.

![AUC of baseline and frozen network on both splits](figures/leak.png)

## Training

![Loss of each epoch on training and validation](figures/training.png)

## Slices

{table(["Slice", "n", story.positive, "network AUC", "baseline AUC"], parts)}

![AUC in each slice with intervals](figures/slices.png)

## Never seen

{unseen(metrics, story.unit)}

Difference of AUC to the baseline with these in the test set:
{written(metrics["difference_with_unseen"], ".3f", signed=True)}.

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
