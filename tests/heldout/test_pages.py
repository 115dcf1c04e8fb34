"""Pages show the numbers of the report, complete and in plain words."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import toysite
from heldout import InputError, figures, pages

TASKS = ["classification", "regression"]
SECTIONS = ["Leakage check", "Training", "Slices", "Calibration", "Trade-off", "Cost"]


@pytest.fixture(params=TASKS)
def task(request, tmp_path, monkeypatch) -> str:
    """A project of this task as the working directory."""
    toysite.write(tmp_path, request.param)
    monkeypatch.chdir(tmp_path)
    return request.param


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A classification project as the working directory."""
    toysite.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(*args: object, **data: object) -> dict[str, str]:
    return pages.render_page(pages.BLOCKS, toysite.context(*args, **data))[1]


def test_numbers_have_about_four_significant_digits():
    assert [pages.number(value) for value in (46.1532, 0.5, 1234.5, 0)] == [
        "46.15",
        "0.5000",
        "1,234",
        "0.000",
    ]
    assert pages.number(float("nan"), ".1%") == "n/a"
    metric = {"value": 46.1532, "low": 42.0, "high": 1234.5}
    assert pages.interval(metric, "") == "46.15 (42.00 to 1,234.50)"
    assert pages.interval(metric, ".1%", "+") == "+4615.3 pp (+4200.0 to +123450.0)"
    assert pages.interval({"value": 0.5, "low": 0.5, "high": 0.5}, ".3f") == "0.500"


def test_the_results_page_is_complete(task):
    context = toysite.context(task)
    pages.render(pages.BLOCKS, "docs/results.md", context)
    text = Path("docs/results.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.*)", text, re.M)
    expected = [*SECTIONS, "Worst errors"]
    if task == "classification":
        expected.insert(2, "ROC curve")
    assert sections == expected
    assert not re.search(r"\[\[|\]\]|\[%|%\]|\bNone\b|\bnan\b", text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        header, rule, *rows = table.splitlines()
        assert set(rule) <= set("|- ") and rows
        assert {line.count("|") for line in (header, *rows)} == {rule.count("|")}, header
    for model in ("network", "logistic", "constant"):
        for metric in context["metrics"]:
            assert context["results"][model][metric] in text
    assert context["difference"][context["primary"]] in text
    assert "percentiles of 50 bootstrap samples of whole modules" in text
    assert "The ledger of this repository lists one evaluation on the test set" in text
    assert f"Expected calibration error (ECE): {context['ece']}." in text
    curves = re.search(r'data-curves="([^"]*)"', text)[1]
    assert json.loads(unescape(curves)) == context["tradeoff"]


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (
            "better",
            "The network outperforms logistic, .* The difference is statistically significant",
        ),
        ("worse", "The network performs worse than logistic, .* the baseline is the better choice"),
        ("not significant", "The difference from logistic, .*, is not statistically significant: "),
        ("too few groups", "Only 12 test modules: too few for a reliable confidence interval"),
    ],
)
def test_the_verdict_follows_the_report(task, verdict, sentence):
    first = {"classification": "auc", "regression": "mae"}[task]
    metric = {"logistic": {first: verdict}, "constant": {first: "better"}}
    text = blocks(task, {"verdicts": metric})["verdict"]
    assert re.match(sentence, text) and "constant" not in text
    assert ("95% CI" in text) == (verdict != "too few groups")
    metric["constant"][first] = "not significant"
    text = blocks(task, {"verdicts": metric})["verdict"]
    assert text.endswith("The network does not significantly outperform a constant prediction.")
    metric["constant"][first] = "worse"
    text = blocks(task, {"verdicts": metric})["verdict"]
    assert text.endswith("A constant prediction performs significantly better than the network.")


def test_an_almost_perfect_baseline_is_called_suspicious(task):
    report = json.loads(Path("reports/metrics.json").read_text())
    assert "Suspiciously" not in blocks(task)["verdict"]
    first = {"classification": "auc", "regression": "mae"}[task]
    report["results"]["logistic"][first]["value"] = 1.0 if task == "classification" else 1e-6
    text = blocks(task, report)["verdict"]
    assert text.endswith("logistic is almost perfect. Check for target leakage.")


@pytest.mark.parametrize("verdict", ["worse", "not significant"])
def test_the_headline_names_every_model_that_scores_better(project, verdict):
    report = json.loads(Path("reports/metrics.json").read_text())
    assert "boosting" not in blocks()["headline"]
    for part in ("results", "differences", "verdicts"):
        report[part]["boosting"] = dict(report[part]["logistic"])
    report["results"]["boosting"]["auc"] = {"value": 0.999, "low": 0.9, "high": 1}
    report["verdicts"]["boosting"]["auc"] = verdict
    report["verdicts"]["logistic"]["auc"] = "not significant"
    text = blocks("classification", report)["headline"]
    word = {"worse": "statistically significant", "not significant": "not statistically significant"}
    assert f"Boosting reaches 0.999; the difference is {word[verdict]}." in text


def test_leakage_and_crossvalidation_count_only_for_the_same_data(project):
    assert "network" not in blocks()["leakage"]
    network = {"value": 0.8, "low": 0.7, "high": 0.9}
    scores = {"network": network, "baseline": network}
    better = {"network": network | {"value": 0.95}, "baseline": network}
    leakage = {"grouped": scores, "random": better, "data": "0a1b2c"}
    fold = {**scores, "difference": network, "metric": "auc", "folds": 5, "model": "frozen"}
    for data, expected in (("0a1b2c", True), ("other", False)):
        Path("reports/leakage.json").write_text(json.dumps(leakage | {"data": data}))
        path = Path("reports/crossvalidation-frozen.json")
        path.write_text(json.dumps(fold | {"data": data}))
        page, parts = pages.render_page(pages.BLOCKS, toysite.context())
        assert ("| random | " in parts["leakage"]) and (
            ("overstates the ROC AUC of network" in parts["leakage"]) == expected
        )
        assert ("Cross-validation with 5 folds (model frozen): ROC AUC 0.800" in page) == expected


def test_unseen_data_has_a_section_and_metrics_of_one_class_are_not_available(project):
    assert "Unseen data" not in pages.render_page(pages.BLOCKS, toysite.context())[0]
    changes = {"unseen": {"n": 9, "network": {"cost": 5}, "logistic": {"cost": 7.2}}}
    text = blocks("classification", changes)["unseen"]
    assert "| 9 cells | network | logistic |" in text and "| Cost per 1,000 | 5 | 7 |" in text
    assert "| ROC AUC | n/a | n/a |" in text


def test_blocks_replace_only_text_between_their_markers(project):
    toysite.fill_pages()
    readme = Path("README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Cell inspector\n\n<!-- starter -->\n> Unmodified starter")
    assert "ROC AUC of the network: 0." in readme and "| Test set | network |" in readme
    toysite.fill_pages()
    assert Path("README.md").read_text(encoding="utf-8") == readme
    Path("README.md").write_text(f"{readme}\n<!-- gold -->\n<!-- /gold -->\n")
    message = r"README\.md: <!-- gold -->: docs/blocks\.md\.j2 has no block of this name"
    with pytest.raises(InputError, match=message):
        toysite.fill_pages()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[ results.network.aux ]]", r"line 2: 'dict object' has no attribute 'aux'$"),
        ("[[ results", r"docs/blocks\.md\.j2, line 2: unexpected '%'"),
        ("[[ n_test + 1 ]]", r"line 2: can only concatenate str"),
        ('[% include "none.md.j2" %]', r"^docs/none\.md\.j2: missing$"),
    ],
)
def test_a_mistake_in_a_template_gets_one_line(project, text, message):
    pages.BLOCKS.write_text(f'[% extends "results.md.j2" %]\n[% block claim %]{text}[% endblock %]')
    with pytest.raises(InputError, match=message) as error:
        pages.render(pages.BLOCKS, "docs/results.md", toysite.context())
    assert "\n" not in str(error.value) and not Path("docs/results.md").exists()


def test_a_missing_template_gets_one_line(project):
    with pytest.raises(InputError, match=r"^docs/nothing\.md\.j2: missing$"):
        pages.render("docs/nothing.md.j2", "docs/results.md", toysite.context())


def test_own_data_loses_the_starter_notes_and_unknown_numbers(project):
    page = Path("docs/data-card.md")
    page.write_text("<!-- The starter's text: rewrite it. -->\n\n# Card\n\n[[ results.boosting.mae ]]\n")
    toysite.fill_pages()
    content = json.loads(pages.PAGES.read_text(encoding="utf-8"))
    assert "boosting" not in content["results"] and "warning" not in page.read_text()
    assert "**One factory.**" in content["caveats"]
    for _ in range(2):
        parts = toysite.fill_pages(starter=False)
    content = json.loads(pages.PAGES.read_text(encoding="utf-8"))
    assert content["results"]["boosting"] == {"mae": "not measured"}
    assert parts["starter"] == parts["caveats"] == ""
    assert page.read_text().count("!!! warning") == 1


def test_the_source_of_the_data_shows_nothing_private(project):
    sources = {
        "https://x.org/a.csv?X-Amz-Signature=secret": "https://x.org/a.csv",
        "/home/ada/private/cells.csv": "cells.csv",
        "package:toy": "package:toy",
    }
    for path, expected in sources.items():
        assert toysite.context(path=path)["data"]["source"] == expected
    assert toysite.context(kaggle="ada/cells")["data"]["source"] == "Kaggle: ada/cells"


def test_published_links_come_from_the_portfolio(project):
    assert "**[Demo](#demo)** · [Article](docs/article.md)" in blocks()["links"]
    Path("portfolio.yaml").write_text("links: {demo: https://x.org/demo/, article: null}\n")
    assert "**[Demo](https://x.org/demo/)** · [Article](docs/article.md)" in blocks()["links"]


def test_the_browser_demo_gets_the_model_that_was_tested(project):
    report = json.loads(Path("reports/metrics.json").read_text())
    demo = pages.browser_demo(toysite.schema(), report)
    copied = Path("docs/demo/model.onnx").read_bytes()
    assert copied == Path("models/model.onnx").read_bytes()
    digest = base64.b64encode(hashlib.sha256(copied).digest()).decode()
    assert demo["facts"]["integrity"] == f"sha256-{digest}"
    assert demo["facts"]["examples"] == ["one.csv"] and 1 <= int(demo["megabytes"]) <= 9
    assert {path.name for path in Path("docs/demo").iterdir()} == {"index.md", "model.onnx"}


def test_a_visitor_may_change_the_columns_that_are_to_be_shown(project):
    page = toysite.PROJECT / "starters/caravan-insurance/docs/demo/index.md"
    report = json.loads(Path("reports/metrics.json").read_text())
    context = toysite.context() | {"demo": pages.browser_demo(toysite.schema(), report)}
    text = pages.render_page(page, context | {"attribution": ""})[0]
    assert re.findall(r'data-column="(\w+)"', text) == ["c", "a"]
    assert "<label>a current<small>0 to 1</small>" in text


def test_the_site_builds_with_its_static_files_and_harmless_names(project):
    report = json.loads(Path("reports/metrics.json").read_text())
    name = '[[ 7 * 6 ]] | <script>alert("x")</script> [% raise %] `'
    report["slices"][name] = report["slices"].pop("mono")
    Path("reports/metrics.json").write_text(json.dumps(report))
    blocks = toysite.fill_pages()
    figures.social_card(toysite.context(), blocks["claim"], "docs/figures/social.png")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    names = "app.js predict.js csv.js photos.js tables.js series.js offline.js model.onnx LICENSE"
    for file in [*names.split(), "ort.js.gzip", "ort.wasm.gzip"]:
        assert Path("site/demo", file).stat().st_size > 100, file
    for file in ("style.css", "tradeoff.js", "examples/one.csv", "figures/social.png"):
        assert Path("site", file).exists(), file
    assert not list(Path("site").rglob("*.j2"))
    page = Path("site/results/index.html").read_text(encoding="utf-8")
    cells = re.findall(r"<td>(.*?)</td>", page, re.S)
    assert "<script>alert" not in page and name in map(unescape, cells)
    demo = Path("site/demo/index.html").read_text(encoding="utf-8")
    assert json.loads(re.search(r'id="facts">(.*?)</script>', demo, re.S)[1])["threshold"] == 0.5
    assert f"{toysite.SITE}figures/social.png" in page and "../style.css" in page
