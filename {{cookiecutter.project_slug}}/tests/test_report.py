"""What readers see is what was measured."""

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, settings
from matplotlib.image import imread
from omegaconf import OmegaConf

from {{ cookiecutter.package_name }} import (
    charts,
    config,
    dataset,
    evaluate,
    predict,
    report,
    scores,
    wording,
)

PAGES = ["README.md", "docs/index.md"]


def blocks(text: str) -> dict[str, str]:
    found = re.findall(r"<!-- (headline|numbers|results) -->\n(.*?)\n<!-- /\1 -->", text, re.DOTALL)
    return dict(found)


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_those_of_the_last_run(inside, page):
    written = blocks(Path(page).read_text(encoding="utf-8"))
    assert written.items() <= report.blocks(json.loads(evaluate.METRICS.read_text()), settings()).items()
    assert "headline" in written


@pytest.mark.parametrize("page", PAGES)
def test_numbers_of_this_repository_are_those_of_its_metrics(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    if not evaluate.METRICS.exists():
        pytest.skip("no run yet: `uv run dvc repro`")
    cfg = report.config.compose()
    expected = report.blocks(json.loads(evaluate.METRICS.read_text()), cfg)
    assert blocks(Path(page).read_text(encoding="utf-8")).items() <= expected.items()


def test_map_names_every_module_and_nothing_else():
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## Map")[1]
    named = set(re.findall(r"^  (\w+\.py) ", text, re.MULTILINE))
    found = {path.name for path in (ROOT / "src").glob("*/*.py")} - {"__init__.py"}
    assert named == found
    for name in re.findall(r"^(\S+) ", text, re.MULTILINE):
        assert name == "Code:" or (ROOT / name).exists() or name == "reports/", name


def test_stages_are_modules():
    stages = re.findall(r"^  (\w+):\n    cmd: python -m \w+\.(\w+)", (ROOT / "dvc.yaml").read_text(), re.M)
    assert len(stages) == 7
    assert all(stage == module for stage, module in stages)


@pytest.mark.parametrize("name", [*charts.CHARTS, "hero", "data", "errors"])
def test_figures_are_large_enough_and_not_empty(inside, name):
    picture = imread(charts.FIGURES / f"{name}.png")
    assert picture.shape[1] >= 1000
    assert picture.std() > 0.05


def test_the_card_has_the_size_that_others_show(inside):
    assert imread(charts.FIGURES / "social.png").shape[:2] == (630, 1200)


@pytest.mark.parametrize(("task", "good"), [("classification", 1), ("regression", -1)])
def test_the_verdict_follows_the_interval(task, good):
    def verdict(first: float, cost: float, groups: int = 9, trivial: float = 2 * good) -> str:
        """Of differences of this size and an interval of 1 to each side."""
        difference, constant = (
            {name: {"value": value, "low": value - 1, "high": value + 1} for name, value in pairs}
            for pairs in (((scores.FIRST[task], first), ("cost", cost)), ((scores.FIRST[task], trivial),))
        )
        other = {name: {"value": 0.9} for name in difference}
        found = {"test": difference, "difference": difference, "baseline": other, "trivial": other}
        found |= {"n_test": 9, "groups_test": groups, "differences": {"trivial": constant}}
        return wording.verdict({"task": task, "baseline_name": "guessing", **found})

    assert "beats guessing, the best baseline" in verdict(2 * good, -2)
    assert "Cost: lower" in verdict(2 * good, -2)
    assert "cannot be told from guessing" in verdict(0.5 * good, 0.5)
    assert "Cost: not distinguishable" in verdict(0.5 * good, 0.5)
    assert verdict(-2 * good, 2).count("the baseline wins") == 2
    few = verdict(2 * good, -2, groups=2)
    assert "Groups that an interval resamples: 2, too few to tell" in few and "beats" not in few
    assert "trivial" not in verdict(2 * good, -2) + verdict(2 * good, -2, groups=2, trivial=0)
    assert verdict(2 * good, -2, trivial=-2 * good).endswith(" The trivial answer does better.")
    assert verdict(2 * good, -2, trivial=0).endswith(" The trivial answer cannot be told from the network.")


@pytest.mark.parametrize(("task", "better"), [("classification", 0.7), ("regression", 0.2)])
def test_the_headline_names_what_else_does_better(task, better):
    def told(best, other, low=0.1, groups=wording.FEWEST, us=0.1, trivial=0.5):
        key = wording.TILES[task][0]
        everyone = {"test": {key: {"value": 0.5}}, "baseline": {key: {"value": 0.5}}}
        everyone["trivial"] = {key: {"value": trivial}}
        found = {"task": task, "baseline_name": best, "names": {"recall_at_limit": "Found"}, **everyone}
        found["groups_test"] = groups
        found["difference"] = {key: {"low": us, "high": 0.3}}
        ends = sorted((low, 0.3) if task == "regression" else (-low, -0.3))  # of network minus the other
        gap = {key: dict(zip(("low", "high"), ends, strict=True))}
        found["baselines"] = {"plain": {key: {"value": 0.5}}, "quick": {key: {"value": other}}}
        found["differences"] = {"plain": gap, "quick": gap, "trivial": gap}
        story = {"baselines": {"quick": "the quick one"}, "target": "kW", "seen": {}}
        story["headline"] = {task: "All is well."}
        return wording.headline(found, OmegaConf.create({"data": {"story": story, "split": "grouped"}}))

    said = {"classification": "Found: the quick one has 70.0%", "regression": "kW: the quick one has 0.2000"}
    assert told("plain", better).startswith("All is well. ")
    assert told("plain", better).endswith(f"{said[task]}, better than the network.")
    assert told("plain", better, -0.1).endswith("not distinguishable from the network.")
    assert told("plain", better, groups=wording.FEWEST - 1).endswith("not distinguishable from the network.")
    assert told("quick", better) == "All is well."  # which the sentence of conf/ names
    assert told("plain", 1 - better) == told("plain", 0.5) == "All is well."
    trivial = told("plain", better).replace("quick one", "trivial answer")
    assert told("plain", 0.5, trivial=better) == told("quick", better, trivial=better) == trivial
    assert told("plain", 0.5, us=-0.1) == "All is well. The difference may be chance."


def test_numbers_have_digits_that_matter():
    metric = {"value": 46.1532, "low": 42.0, "high": 1234.5}
    value, low, high = re.findall(r"[\d,.]*\d", wording.written(metric, ""))
    assert 46.1 <= float(value) <= 46.2 and high.startswith("1,234.")
    assert {len(text.split(".")[1]) for text in (low, high)} == {len(value.split(".")[1])}
    assert wording.written(metric, ".1%", signed=True) == "+4615.3% (+4200.0% to +123450.0%)"
    assert wording.written({"value": 0.5, "low": 0.5, "high": 0.5}, ".3f") == "0.500"


def test_pages_of_the_starter_may_ask_for_what_own_data_do_not_have(inside):
    cfg, metrics = settings(), predict.metrics()
    known = wording.measured(metrics, dataset.read()[0], cfg)["point"]["network"]
    cfg.data.starter = None
    found = wording.measured(metrics, dataset.read()[0], cfg)["point"]["network"]
    every = {key for forms in scores.METRICS.values() for key in forms}
    assert found == dict.fromkeys(every, "not measured") | known and known.keys() < every


@pytest.mark.parametrize("text", ["Finds {share}.", "Finds {recall."])
def test_a_headline_with_an_unknown_number_gets_one_line(inside, text):
    cfg, metrics = settings(), predict.metrics()
    cfg.data.story.headline[metrics["task"]] = text
    with pytest.raises(config.BadInput, match=r"^conf/data: headline: .*; known: baseline, seen, "):
        wording.headline(metrics, cfg)


def test_what_one_class_alone_cannot_tell_is_none(inside):
    cfg, metrics = settings(), predict.metrics()
    first, *others = scores.METRICS[metrics["task"]]
    cfg.data.story.unseen = "{" + first + "} and {" + others[0] + "}"
    metrics["unseen"] = {"n": 9, "network": {first: 0.5}}
    assert report.limits(metrics, cfg).startswith("**50% and none")


def test_links_that_are_none_get_one_line(inside, tmp_path, monkeypatch):
    (tmp_path / "portfolio.yaml").write_text("links: https://example.org\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(config.BadInput, match=r"^portfolio\.yaml: links: give a line for each"):
        report.links()


@pytest.mark.parametrize("text", ["{", "[]\n", '{"stage": "evaluate"}\n'])
def test_a_damaged_ledger_gets_one_line(tmp_path, monkeypatch, text):
    path = tmp_path / "ledger.jsonl"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(evaluate, "LEDGER", path)
    with pytest.raises(config.BadInput, match=r"ledger\.jsonl: damaged; bring it back with `git restore"):
        evaluate.looks(settings())
