"""Cheating: every shortcut to 5,000 points is detected, loses the points of its factor, and is located."""

import itertools
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import portfolio
import pytest
import yaml
from conftest import TEMPLATE
from portfolio import change, check_result, commit, copy, finished, git, keys, totals, write  # noqa: F401  a fixture

from scorecard import data, numbers, prose, readme
from scorecard.declarations import BadDeclaration
from scorecard.judge import judge, load

README, ARTICLE, CARD, HERO = "README.md", "docs/article.md", "docs/data-card.md", "docs/figures/hero.png"
LEDGER, METRICS, OWN = "reports/test_ledger.jsonl", "reports/metrics.json", "conf/data/own.yaml"
# Points left without a factor
POINTS_WITHOUT = {"documentation": 1_000, "article": 1_000, "both": 200, "unique": -1, "relevancy": 250}
LOREM = """Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore
magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo."""
CARAVAN = "MOSTYPE,MAANTHUI,MGEMOMV,MGEMLEEF,MOSHOOFD,MGODRK,PPERSAUT,APERSAUT,Purchase\n"
CASES: list = []
Cheat = Callable[[Path], None]


def detected(by: str, where: str, lost: str = "documentation", status: str = "fail") -> Callable[[Cheat], Cheat]:
    """Registers a function that cheats in a project: the check that detects it, the location, the factor lost."""

    def register(cheat: Cheat) -> Cheat:
        CASES.append(pytest.param(cheat, by, where, POINTS_WITHOUT[lost], status, id=cheat.__name__))
        return cheat

    return register


def over_and_over(text: str) -> Callable[[int, str], str]:
    """The same text, repeated until a section is full."""
    return lambda words, title: "\n\n".join([text] * (words // len(text.split()) + 1))


def drawn(words: list[str]) -> Callable[[int, str], str]:
    """Random words in sentences of ten."""
    draw = random.Random(0)
    return lambda count, title: " ".join(f"{' '.join(draw.choices(words, k=10))}." for _ in range(count // 10 + 1))


@detected("numbers-agree", r"README\.md:\d+")
def a_number_from_a_file_that_no_stage_reads(project):
    write(project, "conf/extra.yaml", "claim: 0.973\n")
    write(project, README, f"{(project / README).read_text()}\nIt has AUC 0.973 today.\n")


@detected("numbers-agree", r"docs/model-card\.md:\d+")
def a_number_in_the_model_card(project):
    write(project, "docs/model-card.md", f"{(project / 'docs/model-card.md').read_text()}\nIts accuracy is 99.1%.\n")


@detected("value-sentence", r"README\.md:\d+")
def a_long_sentence_in_short_lines(project):
    _, sentence = readme.first_sentence(load(project))
    change(project, README, sentence, "It is a project that goes on\n" * 5 + sentence)


@detected("article-length", rf"{ARTICLE}:\d+", "article")
def lorem_ipsum(project):
    portfolio.set_article(project, over_and_over(LOREM))


@detected("article-length", rf"{ARTICLE}:\d+", "article")
def one_paragraph_repeated(project):
    portfolio.set_article(project, over_and_over(portfolio.prose(120, "once")))


@detected("article-length", rf"{ARTICLE}:\d+", "article")
def random_words_of_a_dictionary(project):
    portfolio.set_article(project, drawn(sorted({word for run in prose.scaffold() for word in run if word.isalpha()})))


@detected("article-length", rf"{ARTICLE}:\d+", "article")
def random_words_of_a_short_list(project):
    portfolio.set_article(project, drawn(" ".join(portfolio.WORDS.values()).split()))


@detected("article-similarity", ARTICLE, "article")
def the_scaffold_itself(project):
    write(project, ARTICLE, git(project, "show", f"{portfolio.first(project)}:{ARTICLE}"))


@detected("article-length", rf"{ARTICLE}:\d+", "unique")
def the_other_pages_of_the_scaffold(project):
    pages = [*TEMPLATE.glob("{{*/docs/*.md"), *TEMPLATE.glob("{{*/starters/*/docs/*.md")]
    left = iter(" ".join(prose.plain(page.read_text("utf-8")) for page in pages).split())
    portfolio.set_article(project, lambda words, title: " ".join(itertools.islice(left, words)))


@detected("article-anchored", rf"{ARTICLE}:\d+", "article")
def prose_from_elsewhere(project):
    figures = "".join(
        f"See figure {n}.\n\n![It](figures/{name}.png)\n\n" for n, name in enumerate(portfolio.FIGURES, 1)
    )
    sections = [f"## {title}\n\n{portfolio.prose(words, title)}\n" for title, words in portfolio.headings(project)]
    write(project, ARTICLE, f"# Novel\n\n{figures}\n" + "\n".join(sections))


@detected("article-anchored", rf"{ARTICLE}:\d+", "article")
def prose_from_elsewhere_with_code_and_links_of_elsewhere(project):
    prose_from_elsewhere(project)
    text = (project / ARTICLE).read_text("utf-8")
    write(project, ARTICLE, re.sub(r"\bpump\b", "`foreign` [[ no.such ]] [x](https://a.example) 31.4159%", text))


@detected("article-sections", ARTICLE, "article")
def everything_in_one_section_with_all_titles(project):
    titles = " ".join(title for title, _ in portfolio.headings(project))
    text = re.sub(r"^## .*\n", "", (project / ARTICLE).read_text("utf-8"), flags=re.MULTILINE)
    write(project, ARTICLE, f"# Article\n\n## {titles}\n\n{text}")


@detected("article-prompts", rf"{ARTICLE}:\d+", "article")
def a_prompt_left_in_the_article(project):
    write(project, ARTICLE, (project / ARTICLE).read_text("utf-8") + "\n<!-- budget: 100 words. -->\n")


@detected("article-figures", rf"{ARTICLE}:\d+", "article")
def the_same_picture_eight_times(project):
    for name in portfolio.FIGURES:
        if name != "hero":
            shutil.copy(project / HERO, project / f"docs/figures/{name}.png")


@detected("data-unique", OWN, "unique")
def the_data_of_the_starter_under_another_name(project):
    [entry] = [entry for entry in data.entries() if entry.starter == "caravan-insurance"]
    keys(project, OWN, {"sha256": entry.sha256[0]})


@detected("data-unique", "data/raw/pumps.csv", "unique")
def the_data_of_the_starter_with_a_row_changed(project):
    write(project, "data/raw/pumps.csv", CARAVAN + "1,2,3,4,5,6,7,8,No\n")


@detected("data-unique", "docs/examples/pump.csv", "unique")
def the_data_of_the_starter_in_the_examples_of_the_demo(project):
    write(project, "docs/examples/pump.csv", CARAVAN + "1,2,3,4,5,6,7,8,No\n")
    commit(project, 9)


@detected("data-unique", r"reports/pages\.json", "unique")
def the_data_of_the_starter_with_its_columns_renamed(project):
    change(project, "reports/pages.json", "7,311", "5,822")
    change(project, "reports/pages.json", '"41"', '"85"')


@detected("data-unique", rf"{CARD}:\d+", "unique")
def the_data_of_the_starter_named_in_the_data_card_alone(project):
    change(project, CARD, "logbooks of three stations, typed in by hand", "Coil Challenge 2000, in our own form")


@detected("data-unique", r"src/pump_watch/pumps\.py:\d+", "unique")
def a_toy_data_set_loaded_in_the_code(project):
    write(project, "src/pump_watch/pumps.py", 'import seaborn\n\ntable = seaborn.load_dataset("titanic")\n')


@detected("metrics-recorded", r"dvc\.lock:\d+")
def metrics_edited_by_hand(project):
    change(project, METRICS, "0.812344", "0.912344")


@detected("metrics-recorded", r"dvc\.lock")
def a_lock_that_names_no_code(project):
    out = portfolio.hashed(project, METRICS)
    write(project, "dvc.lock", yaml.safe_dump({"stages": {"evaluate": {"outs": [out]}}}))


@detected("metrics-recorded", r"src/pump_watch/model\.py", status="stale")
def code_changed_since_the_metrics(project):
    write(
        project, "src/pump_watch/model.py", "# better now\n" + (project / "src/pump_watch/model.py").read_text("utf-8")
    )


@detected("metrics-recorded", r"conf/config\.yaml", status="stale")
def a_setting_changed_since_the_metrics(project):
    change(project, "conf/config.yaml", "seed: 0", "seed: 1")


@detected("numbers-agree", rf"{README}:\d+")
def a_number_in_the_readme_that_no_metric_has(project):
    change(project, README, "AUC 0.812;", "AUC 0.973;")


@detected("numbers-agree", rf"{README}:\d+")
def a_round_percentage_in_the_readme_that_no_metric_has(project):
    change(project, README, "AUC 0.812;", "right for 97% of the pumps, AUC 0.812;")


@detected("numbers-agree", rf"{README}:\d+")
def a_number_in_the_headline_as_if_it_were_quoted(project):
    change(project, README, "AUC 0.812;", "AUC 0.973 ([more](https://example.org));")


@detected("numbers-agree", rf"{README}:\d+")
def a_number_in_the_readme_dressed_as_code(project):
    change(project, README, "AUC 0.812;", "right for `97.3%` of the pumps, AUC 0.812;")


@detected("numbers-agree", rf"{ARTICLE}:\d+")
def a_metric_in_the_article_that_was_not_measured(project):
    change(project, ARTICLE, "See figure 2.", "See figure 2: an accuracy of 99.4%.")


@detected("first-picture", rf"{README}:\d+", "both")
def a_picture_of_one_pixel(project):
    portfolio.draw_figure(project / HERO, "pixel", (1, 1))


@detected("first-picture", rf"{README}:\d+", "both")
def a_picture_of_one_row(project):
    portfolio.draw_figure(project / HERO, "row", (1200, 1))


@detected("first-picture", rf"{README}:\d+", "both")
def a_text_called_a_picture(project):
    write(project, HERO, "P3 1200 700 255 " * 500)


@detected("first-picture", rf"{README}:\d+", "both")
def the_first_bytes_of_a_picture(project):
    (project / HERO).write_bytes((project / HERO).read_bytes()[:60])


@detected("first-picture", rf"{README}:\d+")
def a_drawing_of_one_pixel(project):
    draw_vector(project, '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')


@detected("first-picture", rf"{README}:\d+")
def a_text_called_a_drawing(project):
    draw_vector(project, "a drawing " * 500)


def draw_vector(project: Path, text: str) -> None:
    """Replaces the first picture by a vector graphic."""
    write(project, "docs/figures/hero.svg", text)
    change(project, README, HERO, "docs/figures/hero.svg")
    commit(project, 9)


@detected("local-links", rf"{README}:\d+")
def a_broken_link(project):
    change(project, README, "## File structure", "[More](docs/more.md)\n\n## File structure")


@detected("local-links", rf"{README}:\d+")
def a_broken_link_by_reference(project):
    change(project, README, "## File structure", "[More][more]\n\n[more]: docs/more.md\n\n## File structure")


@detected("leftovers", rf"{README}:\d+")
def the_prompt_of_the_starter_left(project):
    change(project, README, "<!-- starter -->\n", "<!-- starter -->\n> Unmodified starter on a public dataset.\n")


@detected("licenses", rf"{CARD}:\d+")
def a_data_license_whose_terms_are_not_in_the_readme(project):
    change(project, CARD, "CC BY 4.0", "CC BY-NC-SA 4.0")


@detected("test-evaluations", rf"{LEDGER}:1")
def a_ledger_shortened_in_history(project):
    shorten(project)


def shorten(project: Path) -> str:
    """Removes the first entry of the ledger, hides this from diffs, runs the pipeline; returns the entry."""
    removed, *rest = (project / LEDGER).read_text("utf-8").splitlines(keepends=True)
    write(project, LEDGER, "".join(rest))
    write(project, ".gitattributes", "* -diff\n")
    portfolio.run_pipeline(project)
    commit(project, 9)
    return removed


@detected("authorship", r"commit [0-9a-f]{7}", "unique")
def one_giant_commit(project):
    git(project, "reset", "--soft", portfolio.first(project))
    commit(project, 9)


@detected("authorship", r"commit [0-9a-f]{7}", "unique")
def one_giant_commit_among_small_ones_hidden_from_diffs(project):
    git(project, "reset", "--soft", portfolio.first(project))
    write(project, ".gitattributes", "* -diff\n")
    for day in range(1, 8):
        write(project, f"docs/day-{day}.md", f"# Day {day}\n")
        commit(project, day)


@detected("authorship", r"commit [0-9a-f]{7}", "unique")
def a_history_without_its_beginning(project):
    git(project, "checkout", "--quiet", "--orphan", "new")
    commit(project, 9)


@detected("authorship", r"portfolio\.yaml", "unique")
def commits_by_another_author(project):
    keys(project, "portfolio.yaml", {"author": "Grace"})


@detected("authorship", r"portfolio\.yaml", "unique")
def commits_by_another_author_renamed_by_a_mailmap(project):
    keys(project, "portfolio.yaml", {"author": "Grace"})
    write(project, ".mailmap", "Grace <grace@example.org> Ada <ada@example.org>\n")
    git(project, "config", "blame.ignoreRevsFile", "ignored")
    write(project, "ignored", git(project, "log", "--format=%H"))


@detected("job-advertisements", r"portfolio\.yaml:\d+", "relevancy", "declared")
def an_advertisement_that_leads_nowhere(project):
    advertise(project, [portfolio.advertisement(n) | {"shown_in": "docs/results.md#gone"} for n in range(5)])


@detected("job-advertisements", r"portfolio\.yaml:\d+", "relevancy", "declared")
def an_advertisement_that_leads_out_of_the_project(project):
    advertise(project, [portfolio.advertisement(n) | {"shown_in": "https://example.org/"} for n in range(5)])


@detected("job-advertisements", r"portfolio\.yaml:\d+", "relevancy", "declared")
def five_identical_advertisements(project):
    advertise(project, [portfolio.advertisement(1) | {"link": f"https://jobs.example.org/{n}"} for n in range(5)])


@detected("job-advertisements", r"portfolio\.yaml:\d+", "relevancy", "declared")
def five_lines_of_one_advertisement(project):
    advertise(project, [portfolio.advertisement(n) | {"link": "https://jobs.example.org/1"} for n in range(5)])


def advertise(project: Path, adverts: list[dict[str, str]]) -> None:
    """Replaces the advertisements."""
    portfolio.declare(project, "job_advertisements", adverts)


@detected("cost-source", rf"{OWN}:\d+", "relevancy", "declared")
def a_cost_that_is_assumed(project):
    change(project, OWN, "source: Annual report of the works, 2025, page 31", "source: assumption, as in 2025")
    portfolio.run_pipeline(project)


@pytest.mark.parametrize(("cheat", "by", "where", "points", "status"), CASES)
def test_cheating_is_detected(finished, tmp_path, cheat, by, where, points, status):  # noqa: F811
    project = copy(finished, tmp_path)
    cheat(project)
    report = judge([project])
    result = check_result(report, by)
    assert result.status == status, result.finding
    assert [location for location in result.where if re.fullmatch(where, location)], result.where
    assert report.evidenced == points


def test_a_renamed_file_is_recognized_by_its_hash(finished, tmp_path, monkeypatch):  # noqa: F811
    project = copy(finished, tmp_path)
    shutil.move(project / "data/raw/pumps.csv", project / "data/raw/mine.txt")
    sha = yaml.safe_load((project / OWN).read_text("utf-8"))["sha256"]
    keys(project, OWN, {"sha256": "0" * 64})
    monkeypatch.setattr(data, "entries", lambda: [data.Entry("toys", "everybody has them", sha256=[sha])])
    report = judge([project])
    assert (check_result(report, "data-unique").status, report.evidenced) == ("fail", -1)
    assert check_result(report, "data-unique").where == ["data/raw/mine.txt"]


EVERYTHING = {
    "own_contribution": "labels of my own",
    "use_of_ai": "none",
    "job_advertisements": [portfolio.advertisement(n) | {"shown_in": "README.md"} for n in range(5)],
    "kaggle_medal": portfolio.MEDAL,
    "publication": {"title": "T", "venue": "NeurIPS 2026", "link": "https://a.example", "authors": ["Ada", "Bob"]},
}


@pytest.mark.parametrize(
    ("venue", "base"), [("NeurIPS 2026 Workshop on Turbines", 50), ("ICML'26", 500), ("(NeurIPS) 2026", 500)]
)
def test_a_workshop_is_no_top_venue(tmp_path, venue, base):
    project = portfolio.start(tmp_path, target_role="research-scientist")
    for key, value in {**EVERYTHING, "publication": {**EVERYTHING["publication"], "venue": venue}}.items():
        portfolio.declare(project, key, value)
    commit(project, 1)
    assert judge([project]).claimed == base * 10 * 20


@pytest.mark.parametrize(
    ("role", "evidenced", "claimed"),
    [
        ("ml-engineer", -1, 10 * 10 * 20),
        ("applied-research", -10, 1 * 20),
        ("research-scientist", -100, 500 * 10 * 20),
    ],
)
def test_declarations_raise_only_the_claimed_points(tmp_path, role, evidenced, claimed):
    project = portfolio.start(tmp_path, target_role=role)
    for key, value in EVERYTHING.items():
        portfolio.declare(project, key, value)
    commit(project, 1)
    assert totals(judge([project])) == (evidenced, claimed)


def test_a_reproduction_without_a_ledger_entry_does_not_count(finished, tmp_path):  # noqa: F811
    project, network = copy(finished, tmp_path), {"value": 0.9, "low": 0.8, "high": 0.95}
    report = {"paper": "P", "label": "AUC", "better": "higher", "rows": {"SVM": 0.7}, "network": network}
    write(project, "reports/reproduction.json", json.dumps(report))
    commit(project, 9)
    report = judge([project], "applied-research")
    assert check_result(report, "paper-implementation").where == ["reports/reproduction.json"]
    assert (check_result(report, "paper-implementation").status, report.items[0].base) == ("fail", "unique")
    assert (check_result(report, "state-of-the-art").status, report.evidenced) == ("fail", 500)


def test_a_copy_of_an_item_is_refused(finished, tmp_path):  # noqa: F811
    assert judge([finished, finished / "docs/.."]).evidenced == 5_000
    with pytest.raises(BadDeclaration, match="a copy of"):
        judge([finished, copy(finished, tmp_path)])


def test_a_restored_ledger_passes(finished, tmp_path):  # noqa: F811
    project = copy(finished, tmp_path)
    removed = shorten(project)
    write(project, LEDGER, removed + (project / LEDGER).read_text("utf-8"))
    portfolio.run_pipeline(project)
    commit(project, 10)
    assert judge([project]).evidenced == 5_000


def test_an_honest_picture_in_html_passes(finished, tmp_path):  # noqa: F811
    project = copy(finished, tmp_path)
    picture = f'<table><tr><td><a href="{HERO}"><img alt="The answer" src="{HERO}" width="600"></a></td></tr></table>'
    text = (project / README).read_text("utf-8")
    write(project, README, re.sub(r"^!\[.*$", picture, text, count=1, flags=re.MULTILINE))
    assert check_result(judge([project]), "first-picture").status == "pass"
    assert judge([project]).evidenced == 5_000


def test_an_honest_drawing_and_an_honest_rounding_pass(finished, tmp_path):  # noqa: F811
    project = copy(finished, tmp_path)
    lines = "".join(f'<path d="M0 {n} L1200 {n * 3}"/>' for n in range(100))
    draw_vector(project, f'<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="700">{lines}</svg>')
    change(
        project, README, "AUC 0.812; gradient boosting: 0.761", "81.2% AUC, about 0.81 (95% interval); boosting: 0.761"
    )
    assert judge([project]).evidenced == 5_000


def test_links_to_headings_are_resolved(finished, tmp_path):  # noqa: F811
    project = copy(finished, tmp_path)
    page = "# A\n\n## 🚀 Quick start\n\n## Usage\n\n## Usage\n\n[a](#-quick-start) [b](#usage-1)\n"
    write(project, "docs/extra.md", page)
    commit(project, 9)
    assert check_result(judge([project]), "local-links").status == "pass"
    write(project, "docs/extra.md", page + "[c](#usage-2)\n")
    assert check_result(judge([project]), "local-links").where == ["docs/extra.md:10"]


def test_links_in_html_are_recognized(finished, tmp_path):  # noqa: F811
    project = copy(finished, tmp_path)
    links = '<p align="center"><a href="app.py">Demo</a> and <a href="docs/article.md">Article</a></p>'
    text = re.sub(r"(?m)^.*\[Demo\].*$", links, (project / README).read_text(), count=1)
    assert links in text
    write(project, README, text)
    assert check_result(judge([project]), "demo-and-article").status == "pass"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errs by 125.6 kW", ["125.6"]),
        ("CC BY-NC-SA 4.0, Python 3.11, in 2026", []),
        ("97 percent of 2000 euros", ["97 percent", "2000"]),
    ],
)
def test_numbers_that_may_be_results(text, expected):
    assert [number.text for number in numbers.numbers(text)] == expected


def test_third_party_code_is_neither_the_authors_nor_counted(finished, tmp_path):  # noqa: F811
    project = copy(finished, tmp_path)
    own_lines = load(project).repository.lines.total()
    library = "\n\n".join(f"def step_{n}(x):\n    return x * {n}" for n in range(3_000))
    write(project, "vendor/heldout/src/heldout/more.py", library)
    write(project, "vendor/heldout/NOTES.md", portfolio.prose(3_000, "library"))
    commit(project, 9, author="Grace")
    assert load(project).repository.lines.total() == own_lines
    assert judge([project]).evidenced == 5_000


def test_sentences_of_page_templates_count_as_the_templates():
    [blocks] = TEMPLATE.glob("{{*/starters/caravan-insurance/docs/blocks.md.j2")
    [summary] = re.findall(
        r"block summary %\]\n\[% if starter %\]\n(.*?)\[% endif", blocks.read_text("utf-8"), re.DOTALL
    )
    [count] = prose.count([summary])
    assert count.all > 50 and count.template > 0.9 * count.all
