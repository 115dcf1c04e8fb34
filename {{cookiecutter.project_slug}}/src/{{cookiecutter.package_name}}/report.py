"""reports/ -> figures, docs/results.md and the numbers in README.md (`dvc repro report`)."""

import html
import json
import re
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from . import charts, config, dataset, demo, evaluate, explain, predict, scores, wording

PAGES = Path("reports/pages.json")
SHARES = (5, 10, 20, 50, 100)  # percent of the samples, in the table of the trade-off
WARNING = "\n!!! warning\n\n    This page still tells of the starter's data.\n"


@config.main
def main(cfg: DictConfig) -> None:
    """Draws docs/figures/, writes docs/results.md, fills README.md, prints the result."""
    metrics = predict.metrics()
    predictions = pd.read_parquet(evaluate.PREDICTIONS)
    x, _, _, schema = dataset.read()
    dataset.belongs("reports/metrics.json", metrics, schema)
    charts.draw(metrics, explain.figures(x, predictions, metrics, schema, cfg))
    charts.card(**wording.card(metrics, cfg))
    shown = {"measured": wording.measured(metrics, x, cfg), "demo": demo.write(schema, metrics, cfg)}
    evaluate.write_json(PAGES, shown)
    config.write(Path("docs/results.md"), results(metrics, predictions, cfg))
    for page in (Path("README.md"), Path("docs/index.md")):
        config.write(page, fill(page.read_text(encoding="utf-8"), blocks(metrics, cfg)))
    print(wording.plain(metrics))
    if not cfg.data.starter:
        for page in still_about_the_starter():
            print(f"{page} still tells of the starter's data")
        print("name and industry also stand in README.md, mkdocs.yml, app.py, pyproject.toml, CITATION.cff")


def limits(metrics: dict, cfg: DictConfig) -> str:
    """What a buyer must know first, in bold."""
    story = cfg.data.story
    said = [story.limits] if story.limits else []
    if metrics["unseen"] and story.unseen:
        known = {key: f"{value:.0%}" for key, value in metrics["unseen"]["network"].items()}
        said.insert(0, story.unseen.format(**dict.fromkeys(scores.METRICS[metrics["task"]], "none") | known))
    return f"**{' '.join(said)}**" if said else ""


def blocks(metrics: dict, cfg: DictConfig) -> dict[str, str]:
    """What stands between the markers of README.md."""
    story = cfg.data.story
    chosen = "The threshold of each is the one that costs least on validation. "
    threshold = chosen if metrics["task"] == "classification" else ""
    first = [wording.headline(metrics, cfg), limits(metrics, cfg), story.attribution]
    found = {
        "headline": "\n\n".join(text for text in first if text),
        "links": links(),
        "numbers": wording.tiles(metrics, cfg),
        "results": f"{wording.table(wording.rows(metrics))}\n\n{wording.verdict(metrics)} "
        f"In brackets: 95% intervals over {metrics['groups_test']} test {story.resample}s. {threshold}"
        f"The ledger counts {evaluate.looks(cfg)} looks at test data.",
    }
    return found if cfg.data.starter else {**found, "starter": ""}


def links() -> str:
    """The line of links: to the published demo and article once portfolio.yaml has their addresses."""
    published = OmegaConf.load("portfolio.yaml").get("links") or OmegaConf.create()
    if not OmegaConf.is_dict(published):
        raise config.BadInput("portfolio.yaml: links: give a line for each, such as demo: https://...")
    page, article = published.get("demo") or "#demo", published.get("article") or "docs/article.md"
    return (
        f"**[Demo]({page}) · [Article]({article})** · "
        "[Results](docs/results.md) · [Data card](docs/data-card.md) · [Model card](docs/model-card.md)"
    )


def fill(text: str, found: dict[str, str]) -> str:
    """The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    for name, block in found.items():
        markers = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = markers.sub(lambda m, block=block: f"{m[1]}{block}\n{m[2]}", text)
    return text


def still_about_the_starter() -> list[Path]:
    """Pages with the comment that they tell of the starter; their readers are told so too."""
    found = []
    for page in sorted(Path("docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if comment := re.search(r"<!-- The starter's text: .* -->\n", text):
            found.append(page)
            if WARNING not in text:
                config.write(page, text.replace(comment[0], f"{comment[0]}{WARNING}"))
    return found


def leak_told(metrics: dict) -> str:
    """Whether the random split flatters, by what was measured."""
    found = metrics["leak"]
    if "random" not in found or metrics["split"] not in found:
        return ""
    task = metrics["task"]
    title, _, better = scores.METRICS[task][scores.FIRST[task]]
    said = []
    for name, called in (("baseline", "the baseline"), ("frozen", "the quick network")):
        honest, random = (found[split][name]["value"] for split in (metrics["split"], "random"))
        gain = (random - honest) if better == "higher" else (honest - random)
        said.append(f"{called} {'looks better' if gain > 0 else 'does not look better'} there")
    return f"Whether the random split flatters, in {title}: {' and '.join(said)}."


def crossvalidated(title: str, form: str, metrics: dict) -> str:
    """What `crossvalidate` found, if it has run on these data."""
    said = ""
    for path in sorted(evaluate.METRICS.parent.glob("crossvalidation-*.json")):
        found = predict.metrics(path, "network")
        if found.get("data") != metrics.get("data"):
            continue
        ours, theirs, gap = (wording.written(found[w], form) for w in ("network", "baseline", "difference"))
        said += f"Cross-validation, {found['folds']} folds, model {found['model']}: {title} {ours}, "
        said += f"baseline {theirs}, difference {gap}.\n\n"
    return said


def slices(metrics: dict, cfg: DictConfig) -> str:
    """The first metric within each slice, as a table."""
    task = metrics["task"]
    title, form, _ = scores.METRICS[task][scores.FIRST[task]]
    share = f"{cfg.data.story.positive} share" if task == "classification" else "mean"
    body = [
        [name, f"{s['n']:,}", predict.number(s["mean"], ".1%" if task == "classification" else "")]
        + [wording.written(s[who], form) for who in ("network", "baseline")]
        for name, s in metrics["slices"].items()
    ]
    return wording.table(
        [["Slice", "n", share, f"network {title}", f"{metrics['baseline_name']} {title}"], *body]
    )


def unseen(metrics: dict, cfg: DictConfig) -> str:
    """The section on what differs in kind from all training data, if the split keeps some apart."""
    found = metrics["unseen"]
    if not found:
        return ""
    forms = scores.METRICS[metrics["task"]]
    who = [name for name in found if name != "n"]
    body = [
        [metrics["names"].get(key, name), *(predict.number(found[w][key], form) for w in who)]
        for key, (name, form, _) in forms.items()
        if key in found["network"]
    ]
    return f"""## Never seen

{wording.table([[f"{found['n']} {cfg.data.story.unit}s", *who], *body])}

Difference of {charts.first(metrics)} to the baseline with these in the test set:
{wording.written(metrics["difference_with_unseen"], forms[scores.FIRST[metrics["task"]]][1], signed=True)}.

"""


def tradeoff(metrics: dict, predictions: pd.DataFrame, cfg: DictConfig) -> str:
    """What more flags, or less certain answers, bring: a table, and for the browser a slider."""
    story, curves = cfg.data.story, scores.tradeoff(predictions, metrics["task"])
    if metrics["task"] == "classification":
        head, form = "Flagged", ".0%"
        said = f"Share of the {story.positive} {story.unit}s found when the most suspect ones are flagged"
    else:
        head, form = "Answered", ""
        said = f"Mean absolute error when only the {story.unit}s with the narrowest interval count"
    told = {"head": head, "percent": bool(form), "baseline_name": metrics["baseline_name"], **curves}
    body = [
        [f"{share}%", *(predict.number(curves[who][share - 1], form) for who in ("network", "baseline"))]
        for share in SHARES
    ]
    return f"""{said}. From the test set, to compare rankings: nothing was chosen by it.

{wording.table([[head, "network", metrics["baseline_name"]], *body])}

<div class="tradeoff" data-told="{html.escape(json.dumps(told))}"></div>"""


def cost(metrics: dict, cfg: DictConfig) -> str:
    """What mistakes cost, as text and, for a classification, a table of other prices."""
    price, story = cfg.data.cost, cfg.data.story
    if metrics["task"] == "regression":
        return f"{price.name}: {price.error:g} for each unit of mean absolute error ({price.source})."
    body = [
        [f"{row['ratio']} : 1", *(f"{row[c]:,.0f}" for c in ("network", "baseline", "trivial"))]
        for row in metrics["costs"]
    ]
    return f"""A miss costs {price.miss:g}, a false alarm {price.false_alarm:g} ({price.source}).
Cost per 1,000 {story.unit}s when the ratio is another one, thresholds chosen anew on validation:

{wording.table([["Miss : false alarm", "network", metrics["baseline_name"], "trivial"], *body])}"""


def worst(metrics: dict, predictions: pd.DataFrame, cfg: DictConfig) -> str:
    """The 20 worst errors, as a table."""
    story = cfg.data.story
    found = predictions.assign(off=(predictions.network - predictions.label).abs())
    found = found.sort_values(["off", "id"], ascending=[False, True]).head(20)
    if metrics["task"] == "regression":
        body = [
            [str(r.id), str(r.group), predict.number(r.label, ""), predict.number(r.network, "")]
            for r in found.itertuples()
        ]
        return wording.table([["id", story.group, "was", "forecast"], *body])
    body = [
        [str(r.id), str(r.group), story.positive if r.label else story.negative, f"{r.network:.3f}"]
        for r in found.itertuples()
    ]
    return wording.table([["id", story.group, "label", "probability"], *body])


def results(metrics: dict, predictions: pd.DataFrame, cfg: DictConfig) -> str:
    """The page docs/results.md."""
    story, task = cfg.data.story, metrics["task"]
    title, form, _ = scores.METRICS[task][scores.FIRST[task]]
    leak = [
        [split, *(wording.written(found[name], form) for name in ("baseline", "frozen"))]
        for split, found in metrics["leak"].items()
    ]
    rules = (
        f"Trivial: the share of {story.positive} {story.unit}s in training, for all. Thresholds: chosen on "
        f"validation; the one for cost is {metrics['threshold']:.3f}. {metrics['names']['recall_at_limit']}: "
        f"a point of the curve of the test set, to compare rankings."
        if task == "classification"
        else "Trivial: the quantiles of training. The 80% interval: from the 10% to the 90% quantile."
    )
    return f"""# Results

<!-- Written by `dvc repro report` from reports/metrics.json. Changes here are overwritten. -->

{wording.headline(metrics, cfg)} {wording.verdict(metrics)}

{wording.table(wording.rows(metrics))}

The test set is {metrics["n_test"]:,} {story.unit}s from {metrics["groups_test"]:,} {story.resample}s{
        ", " + story.seen[cfg.data.split] if cfg.data.split in story.seen else ""
    }. In brackets:
95% percentile intervals from {cfg.bootstrap} draws of whole {
        story.resample
    }s; with few of them such intervals tend to
be too narrow. Difference: network minus the baseline that was best on validation, on the same draws. {rules}

Command: `uv run dvc repro evaluate`.

{crossvalidated(title, form, metrics)}## The leak

{wording.table([["Split", f"baseline {title}", f"frozen network {title}"], *leak])}

{leak_told(metrics)} {story.leak} The headline uses the {cfg.data.split} split.

![{title} of baseline and frozen network on each split](figures/leak.png)

## Training

![Loss of each epoch on training and validation](figures/training.png)

## Slices

{slices(metrics, cfg)}

![{title} in each slice with intervals](figures/slices.png)

{unseen(metrics, cfg)}## Calibration

Mean gap between what is promised and what is observed: {metrics["calibration"]["gap"]:.3f}.

![Observed against predicted shares](figures/calibration.png)

## Trade-off

{tradeoff(metrics, predictions, cfg)}

## Cost

{cost(metrics, cfg)}

![Where the cost comes from](figures/cost.png)

## Worst errors

{worst(metrics, predictions, cfg)}

![The worst errors, and what the network reacted to](figures/errors.png)

{story.attribution}
"""


if __name__ == "__main__":
    main()
