"""What readers see is what was measured."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, settings
from matplotlib.image import imread

from {{ cookiecutter.package_name }} import charts, evaluate, report

PAGES = ["README.md", "docs/index.md"]


def blocks(text: str) -> dict[str, str]:
    found = re.findall(r"<!-- (headline|results) -->\n(.*?)\n<!-- /\1 -->", text, re.DOTALL)
    return dict(found)


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_those_of_the_last_run(inside, page):
    written = blocks(Path(page).read_text())
    assert written.items() <= report.blocks(json.loads(evaluate.METRICS.read_text()), settings()).items()
    assert "headline" in written


@pytest.mark.parametrize("page", PAGES)
def test_numbers_of_this_repository_are_those_of_its_metrics(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    if not evaluate.METRICS.exists():
        pytest.skip("no run yet: `uv run dvc repro`")
    cfg = report.config.compose()
    expected = report.blocks(json.loads(evaluate.METRICS.read_text()), cfg)
    assert blocks(Path(page).read_text()).items() <= expected.items()


def test_map_names_every_module_and_nothing_else():
    text = (ROOT / "README.md").read_text().split("## Map")[1]
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


def test_site_builds_without_a_warning(inside):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    home = Path("site/index.html").read_text()
    metrics = json.loads(evaluate.METRICS.read_text())
    assert f"{metrics['test']['auc']['value']:.3f}" in home
    for page in Path("site").rglob("*.html"):
        text = page.read_text()
        assert "[[" not in text, page
        assert not re.search(r'<(script|link|img)[^>]+(src|href)="https?://(?![\w-]+\.github\.io)', text)
        assert not re.search(r'<img(?![^>]*alt="[^"]+)', text)


def test_the_verdict_follows_the_interval():
    auc = {"value": 0.1, "low": 0.05, "high": 0.2}
    cost = {"value": -5, "low": -9, "high": -1}
    metrics = {"difference": {"auc": auc, "cost_per_1000": cost}, "n_test": 9}
    assert "ranks better" in report.verdict(metrics)
    assert "thresholds: lower" in report.verdict(metrics)
    auc["low"], cost["high"] = -0.1, 1
    assert "cannot be told" in report.verdict(metrics)
    assert "thresholds: not distinguishable" in report.verdict(metrics)
    auc["high"], cost["low"] = -0.05, 0.5
    assert report.verdict(metrics).count("the baseline wins") == 2
