"""A paper's protocol on this project's network -> docs/reproduction.md (`python -m <package>.reproduce`).

The paper, its figures and the overrides that make its protocol are `published` in conf/data. Trains anew
under runs/; data/prepared/, models/ and reports/metrics.json stay as they are.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from . import (
    baseline,
    config,
    evaluate,
    features,
    leak,
    predict,
    prepare,
    scores,
    splits,
    train,
    wording,
)

REPORT, PAGE = Path("reports/reproduction.json"), Path("docs/reproduction.md")
OUT = Path("runs/reproduce")
WORDS = {
    "reached": "is reached: this network has",
    "not reached": "is not reached: this network has",
    "cannot be told apart": "cannot be told apart from this network's",
}


@config.main
def main(cfg: DictConfig) -> None:
    """Measures, writes reports/reproduction.json and docs/reproduction.md, prints the table."""
    if not cfg.data.get("published"):
        raise config.BadInput(
            "conf/data has no `published`: name a paper there, its figures and its protocol, "
            "in the form of conf/data/starter.yaml"
        )
    cfg = protocol(cfg)
    found = {**measure(cfg), "given": prepare.said()}
    evaluate.write_json(REPORT, found)
    config.write(PAGE, page(found, cfg))
    print(f"\n{table(found)}\n\n{verdict(found)}\n{PAGE} is written.")


def protocol(cfg: DictConfig) -> DictConfig:
    """The configuration of the command line with the paper's overrides on top."""
    GlobalHydra.instance().clear()  # the command line's; a second one is refused beside it
    return config.compose(*prepare.said(), *cfg.data.published.overrides)


def measure(cfg: DictConfig) -> dict:
    """Trains on the paper's split and scores its test part: what the page shows, as plain values."""
    begun, paper, data = time.monotonic(), cfg.data.published, cfg.data
    x, y, samples, schema, _ = prepare.read(data)
    task = schema["task"]
    if paper.metric not in scores.METRICS[task]:
        known = ", ".join(scores.METRICS[task])
        raise config.BadInput(f"conf/data, published.metric: {paper.metric}; choose of {known}")
    part = splits.cut(data.split, samples, data, task)
    used = np.flatnonzero(np.isin(part, ["val", "test"]))
    facts = train.learn(x, y, part, schema)
    z = leak.encoded(cfg, x, facts)
    answers = leak.predict(cfg, facts, z, y, part, OUT, used)
    found = samples.join(baseline.columns("network", answers, used))
    names = ["network"]
    if paper.get("against"):
        names.append(paper.against)
        known, learnt = features.features(x, samples, schema), part == "train"
        theirs = baseline.fit(paper.against, cfg, task, known[learnt], y[learnt])(known.iloc[used])
        found = found.join(baseline.columns(paper.against, theirs, used))
    val, test = found[part == "val"], found[part == "test"]
    at = {n: evaluate.limits(val, n, cfg) if task == "classification" else None for n in names}

    def value(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
        each = [scores.score(rows, n, data, at[n])[paper.metric] for n in names]
        return {"network": {paper.metric: each[0] if len(each) == 1 else 1 - each[0] / each[1]}}

    ours = scores.bootstrap(value, test, cfg.bootstrap, cfg.seed, data.resample)["network"][paper.metric]
    REPORT.parent.mkdir(exist_ok=True)
    evaluate.look(cfg, f"reproduce, {data.split} split", OUT / "best.ckpt", ours["value"])
    return {
        **OmegaConf.to_container(paper, resolve=True),
        **named(cfg, task),
        "network": ours,
        "verdicts": {name: outcome(theirs, ours, paper.better) for name, theirs in paper.rows.items()},
        "samples": {name: int((part == name).sum()) for name in ("train", "val", "test")},
        "minutes": round((time.monotonic() - begun) / 60, 1),
    }


def named(cfg: DictConfig, task: str) -> dict[str, str]:
    """What the metric is called, and how its values are written."""
    paper, data = cfg.data.published, cfg.data
    name, form, _ = scores.METRICS[task][paper.metric]
    name = scores.named(data, task).get(paper.metric, name)
    if paper.get("against"):
        return {"name": f"{name}, saved against {paper.against}", "form": ".1%"}
    return {"name": name, "form": form}


def outcome(published: float, ours: dict[str, float], better: str) -> str:
    """Whether the interval of `ours` lies beyond the published value, short of it, or around it."""
    if ours["low"] <= published <= ours["high"]:
        return "cannot be told apart"
    return "reached" if (ours["low"] > published) == (better == "higher") else "not reached"


def table(found: dict) -> str:
    """The paper's figures and this network's, as a Markdown table."""
    body = [
        [name, predict.number(value, found["form"]), found["verdicts"][name]]
        for name, value in found["rows"].items()
    ]
    ours = ["**this network**", f"**{wording.written(found['network'], found['form'])}**", ""]
    return wording.table(
        [["", f"{found['name']} ({found['better']} is better)", "By this network"], *body, ours]
    )


def verdict(found: dict) -> str:
    """One sentence on the paper's best figure."""
    best = (max if found["better"] == "higher" else min)(found["rows"], key=found["rows"].get)
    there = predict.number(found["rows"][best], found["form"])
    here = wording.written(found["network"], found["form"])
    return f"The figure to reach, {there} ({best}), {WORDS[found['verdicts'][best]]} {here}."


def page(found: dict, cfg: DictConfig) -> str:
    """The page docs/reproduction.md."""
    unit, count = cfg.data.story.unit, found["samples"]
    drawn = f"whole {cfg.data.story.resample}s"
    if cfg.data.resample == "id":
        drawn = f"single {unit}s, since the paper splits by {unit},"
    changed = " ".join(f"`{text}`" for text in found["overrides"]) or "nothing"
    command = " ".join([f"uv run python -m {__package__}.reproduce", *found["given"]])
    return f"""# Reproduction

<!-- Written by `python -m {__package__}.reproduce` from {REPORT.as_posix()}. Changes are overwritten. -->

{verdict(found)}

[{found["paper"]}]({found["link"]})

{found["protocol"]}

{table(found)}

In brackets: the 95% percentile interval from {cfg.bootstrap:,} draws of {drawn} among
{count["test"]:,} test {unit}s. A figure is reached if the whole interval is better, and not reached if the
whole interval is worse. If it lies inside, the two cannot be told apart. The paper's own uncertainty is not
counted.

Changed to follow the paper: {changed}. {count["train"]:,} {unit}s trained, {count["val"]:,} validated.
{found["caveat"]}

This is the paper's protocol. The project's own, with the headline, stands in [Results](results.md).

Command: `{command}`. Each run trains anew, {found["minutes"]:g} minutes the last time, and adds a line to
the ledger of looks at test data.
"""


if __name__ == "__main__":
    main()
