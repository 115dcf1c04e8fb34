"""reports/metrics.json -> the numbers, tables and sentences that a reader sees; none is typed by hand."""

from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from . import charts, config, evaluate, predict, scores

TILES = {"classification": ("recall_at_limit", "cost", "auc"), "regression": ("mae", "coverage", "cost")}
FEWEST = 5  # groups to resample, below which an interval says nothing


def written(metric: dict[str, float], form: str, signed: bool = False, like: float | None = None) -> str:
    """A metric as text: value (low to high); with as many digits as the value `like` has."""
    sign, like = "+" if signed else "", metric["value"] if like is None else like
    value, low, high = (predict.number(metric[k], form, sign, like) for k in ("value", "low", "high"))
    return value if low == high == value else f"{value} ({low} to {high})"


def told(metrics: dict) -> dict[str, dict[str, dict[str, float]]]:
    """What the columns of the table show: metrics of network, baselines, trivial and difference."""
    found = {"network": metrics["test"], **metrics["baselines"], "trivial": metrics["trivial"]}
    return {**found, "difference": metrics["difference"]}


def rows(metrics: dict) -> list[list[str]]:
    """The result table with its header: a row a metric."""
    found = told(metrics)
    header = ["Test set", *found]
    if len(metrics["baselines"]) > 1:
        header[-1] += f" to {metrics['baseline_name']}"
    body = []
    for key, (name, form, better) in scores.METRICS[metrics["task"]].items():
        name = metrics["names"].get(key, name)
        good = f"{better} is better" if better in ("higher", "lower") else better
        like = found["network"][key]["value"]
        values = [written(found[c][key], form, c == "difference", like) for c in found]
        body.append([f"{name} ({good})", *values])
    return [header, *body]


def table(lines: list[list[str]]) -> str:
    """A Markdown table; the first line is its header."""
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(metrics: dict) -> str:
    """The result table for a terminal."""
    body = rows(metrics)
    widths = [max(len(row[i]) for row in body) for i in range(len(body[0]))]
    lines = ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in body]
    return "\n".join(["", *(line.rstrip() for line in lines), "", verdict(metrics)])


def side(gap: dict[str, float], better: str) -> int:
    """Who does better by the interval of network minus another: 1 the network, -1 the other, 0 unknown."""
    above = (gap["low"] > 0) - (gap["high"] < 0)
    return above if better == "higher" else -above


def verdict(metrics: dict) -> str:
    """Whether the network beats the best baseline, by the interval of the difference, and trivial."""
    task, name, n = metrics["task"], metrics["baseline_name"], metrics["n_test"]
    key = scores.FIRST[task]
    title, _, better = scores.METRICS[task][key]
    first, cost = metrics["difference"][key], metrics["difference"]["cost"]
    by, money = (
        written(metrics["difference"][k], scores.METRICS[task][k][1], True, metrics["test"][k]["value"])
        for k in (key, "cost")
    )
    outcome = (
        f"cannot be told from {name}, the best baseline on validation",
        f"beats {name}, the best baseline on validation",
        f"does worse than {name}: the baseline wins",
    )[side(first, better)]
    costs = ("not distinguishable", "lower", "higher: the baseline wins")[side(cost, "lower")]
    said = f"The network {outcome}: {title} {by} on {n:,} test samples. Cost: {costs}, {money}."
    also = (" The trivial answer cannot be told from the network.", "", " The trivial answer does better.")
    said += also[side(metrics["differences"]["trivial"][key], better)]
    if metrics["groups_test"] < FEWEST:
        few = f"Groups that an interval resamples: {metrics['groups_test']}, too few to tell"
        said = f"The network against {name}: {title} {by}. {few}; {FEWEST} are needed."
    theirs, trivial = (metrics[who][key]["value"] for who in ("baseline", "trivial"))
    if theirs > 0.995 if better == "higher" else theirs < 0.01 * trivial:
        said += f" Too good: look for a column that is known only afterwards or gives {name} the answer."
    return said


def measured(metrics: dict, x: np.ndarray, cfg: DictConfig) -> dict:
    """Every number that a page may show, as text: [[ measured.network.auc ]]."""
    task = metrics["task"]
    forms = {key: form for key, (_, form, _) in scores.METRICS[task].items()}
    found = {**told(metrics), "baseline": metrics["baseline"]}
    # The starter's pages, until they are rewritten, may ask for numbers of another task.
    none = {} if cfg.data.starter else {k: "not measured" for each in scores.METRICS.values() for k in each}
    who = ("network", "baseline", "trivial")
    ready = {
        name: none
        | {
            key: written(found[name][key], form, name == "difference", metrics["test"][key]["value"])
            for key, form in forms.items()
        }
        for name in (*who, "difference")
    }
    point = {
        name: none | {k: predict.number(found[name][k]["value"], form) for k, form in forms.items()}
        for name in who
    }
    return {
        **ready,
        "point": point,
        "table": table(rows(metrics)),
        "headline": headline(metrics, cfg),
        "verdict": verdict(metrics),
        "baseline_name": metrics["baseline_name"],
        "n_test": f"{metrics['n_test']:,}",
        "groups_test": f"{metrics['groups_test']:,}",
        "looks": str(evaluate.looks(cfg)),
        "threshold": "" if metrics["threshold"] is None else f"{metrics['threshold']:.3f}",
        "ece": f"{metrics['calibration']['gap']:.3f}",
        "figures": sorted(path.name for path in charts.FIGURES.glob("*.png")),
        "data": {
            "rows": f"{len(x):,}",
            "columns": " x ".join(map(str, x.shape[1:])),
            "source": source(cfg.data),
            "sha256": cfg.data.sha256 or "not recorded",
            "read": cfg.data.read or "with the package",
        },
    }


def tiles(metrics: dict, cfg: DictConfig) -> str:
    """The three numbers of the home page, each beside the baseline's."""
    lines = ['<div class="numbers" markdown>']
    for key in TILES[metrics["task"]]:
        name, values = tile(metrics, key, cfg)
        ours, gap = metrics["test"][key]["value"], metrics["difference"][key]
        gap = written(gap, scores.METRICS[metrics["task"]][key][1], True, ours)
        lines.append(
            f"**{values['network']}**\n{name}; the baseline has {values['baseline']} (difference {gap})"
        )
    return "\n\n".join([*lines, "</div>"])


def tile(metrics: dict, key: str, cfg: DictConfig) -> tuple[str, dict[str, str]]:
    """Name of a metric, with its unit, and its values as text."""
    name, form, _ = scores.METRICS[metrics["task"]][key]
    name = f"{name}, {cfg.data.story.target}" if key == "mae" else metrics["names"].get(key, name)
    who = {"network": "test", "baseline": "baseline", "trivial": "trivial"}
    return name, {w: predict.number(metrics[part][key]["value"], form) for w, part in who.items()}


def card(metrics: dict, cfg: DictConfig) -> dict:
    """What `charts.card` shows: the sentence of conf/data (a picture has no room for more) and its metric."""
    key = TILES[metrics["task"]][0]
    name, values = tile(metrics, key, cfg)
    title = Path("README.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    sizes = [metrics[who][key]["value"] for who in ("test", "baseline", "trivial")]
    name = f"{name} ({scores.METRICS[metrics['task']][key][2]} is better)"
    return {"title": title, "said": sentence(metrics, cfg), "name": name, "values": values, "sizes": sizes}


def source(data: DictConfig) -> str:
    """Where the data came from, without what is private: signatures of an address, folders of a disk."""
    if data.kaggle:
        return f"Kaggle: {data.kaggle}"
    if "://" in data.path:
        return data.path.split("?")[0]
    return data.path if data.path.startswith("package:") else Path(data.path).name


def headline(metrics: dict, cfg: DictConfig) -> str:
    """The sentence of conf/data for this task, how sure it is, and what else scores better."""
    gap = metrics["difference"][TILES[metrics["task"]][0]]
    chance = metrics["groups_test"] < FEWEST or not side(gap, "higher")
    doubt = "The difference may be chance." if chance else ""
    return " ".join(part for part in (sentence(metrics, cfg), doubt, rival(metrics, cfg)) if part)


def sentence(metrics: dict, cfg: DictConfig) -> str:
    """The sentence of conf/data for this task with its {placeholders} filled."""
    story = cfg.data.story
    forms = scores.METRICS[metrics["task"]]
    numbers = {key: predict.number(m["value"], forms[key][1]) for key, m in metrics["test"].items()}
    numbers |= {
        f"baseline_{key}": predict.number(m["value"], forms[key][1]) for key, m in metrics["baseline"].items()
    }
    named = story.baselines.get(metrics["baseline_name"], metrics["baseline_name"])
    seen = story.seen.get(cfg.data.split, f"on a {cfg.data.split} split")
    try:
        return story.headline[metrics["task"]].format(**numbers, baseline=named, seen=seen)
    except (KeyError, ValueError, IndexError) as error:
        known = ", ".join(["baseline", "seen", *numbers])
        raise config.BadInput(f"conf/data: headline: {error} between braces; known: {known}") from None


def rival(metrics: dict, cfg: DictConfig) -> str:
    """What `sentence` leaves out and the network does not beat on the test set, in the first tile."""
    key = TILES[metrics["task"]][0]
    _, form, better = scores.METRICS[metrics["task"]][key]
    everyone = {**metrics["baselines"], "trivial": metrics["trivial"]}.items()
    found = {name: values[key]["value"] for name, values in everyone if name != metrics["baseline_name"]}
    name = (max if better == "higher" else min)(found, key=lambda each: found[each])
    ours = metrics["test"][key]["value"]
    ahead = found[name] > ours if better == "higher" else found[name] < ours
    value = predict.number(found[name], form, like=ours)
    if not ahead or value == predict.number(ours, form):
        return ""
    sure = side(metrics["differences"][name][key], better) < 0 and metrics["groups_test"] >= FEWEST
    said = "better than" if sure else "not distinguishable from"
    title, _ = tile(metrics, key, cfg)
    named = {"trivial": "the trivial answer", **cfg.data.story.baselines}
    return f"{title}: {named.get(name, name)} has {value}, {said} the network."
