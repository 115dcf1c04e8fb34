"""The rubric, the path from a fresh project to 5,000 points, the declarations and the output formats."""

import html
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path

import portfolio
import pytest
from conftest import TEMPLATE, bake
from hypothesis import given, settings
from hypothesis import strategies as st
from portfolio import finished, states, totals  # noqa: F401  a fixture
from rich.console import Console

from scorecard import rubric, show
from scorecard.__main__ import main
from scorecard.declarations import BadDeclaration, read
from scorecard.judge import Report, judge

FACTORS = {
    "ml-engineer": {"documentation", "article", "relevancy"},
    "applied-research": {"documentation", "article", "state of the art", "relevancy"},
    "research-scientist": {"first author", "relevancy"},
}


@pytest.mark.parametrize(
    ("role", "base", "factors", "points"),
    [
        ("ml-engineer", "unique", set(), 10),
        ("ml-engineer", "unique", {"documentation", "article"}, 250),
        ("ml-engineer", "unique", FACTORS["ml-engineer"], 5_000),
        ("ml-engineer", "unique", {*FACTORS["ml-engineer"], "kaggle medal"}, 50_000),
        ("applied-research", "unique", set(), 1),
        ("applied-research", "paper implementation", FACTORS["applied-research"], 50_000),
        ("applied-research", "paper implementation", FACTORS["applied-research"] - {"relevancy"}, 2_500),
        ("research-scientist", "unpublished paper", set(), 5),
        ("research-scientist", "other publication", FACTORS["research-scientist"], 10_000),
        ("research-scientist", "top venue", FACTORS["research-scientist"], 100_000),
    ],
)
def test_an_item_is_worth_its_base_times_each_factor(role, base, factors, points):
    assert rubric.worth(role, base, factors) == points


@pytest.mark.parametrize(
    ("role", "points", "verdict"),
    [
        ("ml-engineer", 5_000 + 250, "hireable"),
        ("ml-engineer", 3 * 5_000, "competitive"),
        ("applied-research", 50_000 + 2_500, "hireable"),
        ("applied-research", 3 * 50_000, "competitive"),
        ("research-scientist", 2 * 10_000, "hireable"),
        ("research-scientist", 2 * 100_000, "competitive"),
    ],
)
def test_the_thresholds_are_met_exactly_and_missed_by_one_point(role, points, verdict):
    below = {"hireable": "not yet hireable", "competitive": "hireable"}
    assert rubric.verdict(role, points) == verdict
    assert rubric.verdict(role, points - 1) == below[verdict]
    assert rubric.threshold(role, points - 1) == (verdict, points)


@pytest.mark.parametrize(("role", "minus"), [("ml-engineer", 1), ("applied-research", 10), ("research-scientist", 100)])
def test_a_common_item_is_a_flat_minus_unless_taken_literally(role, minus):
    assert rubric.worth(role, "common", set(rubric.ROLES[role].factors)) == -minus
    assert rubric.worth(role, "common", {"relevancy"}, literal=True) == -minus * 20


ITEM = st.tuples(st.integers(0, 3), st.sets(st.integers(0, 3)))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(rubric.ROLES)), st.lists(ITEM, min_size=1, max_size=3), st.booleans())
def test_the_shortest_path_reaches_the_threshold(role, drawn, literal):
    bases, factors = list(rubric.ROLES[role].bases), list(rubric.ROLES[role].factors)
    items = [(bases[b % len(bases)], {factors[f % len(factors)] for f in held}) for b, held in drawn]
    goal = rubric.threshold(role, sum(rubric.worth(role, *item, literal) for item in items))
    path = rubric.shortest(role, items, literal)
    assert bool(path) == bool(goal)
    improved = apply_steps(role, items, path)
    assert not goal or sum(rubric.worth(role, *item, literal) for item in improved) >= goal[1]


def apply_steps(role: str, items: list, path: list[rubric.Step]) -> list[tuple[str, set[str]]]:
    """The items after the steps; a base without an item starts a new one."""
    improved = [(base, set(held)) for base, held in items]
    for step in path:
        if step.item is None and step.gain in rubric.ROLES[role].bases:
            improved.append((step.gain, set()))
            continue
        index = -1 if step.item is None else step.item
        base, held = improved[index]
        assert step.gain not in {base, *held}
        improved[index] = (step.gain, held) if step.gain in rubric.ROLES[role].bases else (base, {*held, step.gain})
    return improved


def test_a_common_item_is_never_a_step():
    assert [step.gain for step in rubric.shortest("ml-engineer", [("common", set())])].count("common") == 0


MISSING = {"unique": "missing", "documentation": "missing", "article": "missing", "relevancy": "missing"}
WALK = {"unique": 10, "documentation": 50, "article": 250, "relevancy": 5_000}


def test_the_remedies_lead_from_a_fresh_project_to_5000_points_factor_by_factor(tmp_path):
    project = portfolio.start(tmp_path)
    expected = {**MISSING, "kaggle medal": "missing"}
    fresh = judge([project])
    assert (states(fresh), totals(fresh)) == (expected, (-1, -1))
    for factor, points in WALK.items():
        portfolio.STEPS[factor](project)
        expected[factor] = "verified"
        report = judge([project])
        assert (states(report), totals(report)) == (expected, (points, points))
    portfolio.declare(project, "kaggle_medal", portfolio.MEDAL)
    awarded = judge([project])
    assert (states(awarded), totals(awarded)) == ({**expected, "kaggle medal": "declared"}, (5_000, 50_000))
    assert (awarded.verdict_evidenced, awarded.verdict_claimed) == ("not yet hireable", "competitive")


def test_a_fresh_project_gets_a_list_of_next_steps(baked):
    report = judge([baked])
    assert totals(report) == (-1, -1)
    assert report.verdict_evidenced == "not yet hireable"
    assert [step.gain for step in report.next_steps[:2]] == ["unique", "documentation"]
    assert "choosing-a-problem" in report.next_steps[0].what
    assert all(step.what for step in report.next_steps)
    assert all(result.remedy for result in report.items[0].checks if result.status == "fail")


def test_two_items_add_up_and_different_industries_are_reported(finished, tmp_path):  # noqa: F811
    second = portfolio.finish(portfolio.start(tmp_path, project_name="Leak Finder", industry="gas supply"), seed=1)
    report = judge([finished, second])
    assert totals(report) == (10_000, 10_000)
    assert report.verdict_evidenced == "hireable"
    assert "different industries (gas supply, water supply)" in report.niche
    portfolio.keys(second, "portfolio.yaml", {"industry": "Water supply"})
    assert judge([finished, second]).niche.startswith("All items are in ")


@pytest.mark.parametrize("role", rubric.ROLES)
def test_a_fresh_project_of_each_role_is_a_common_one(tmp_path, role):
    report = judge([bake(tmp_path, target_role=role, project_slug="a-b")])
    assert (report.role, report.evidenced) == (role, rubric.ROLES[role].bases["common"])
    assert report.claimed == report.evidenced


ADVERT = "job_advertisements:\n- {employer: a, link: https://a.example, date: 2026-1-1, asks: b, shown_in: c}"
MEDAL = "kaggle_medal: {competition: a, medal: gold, team_size: 1, profile: https://a.example}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("niche: solar", ": niche: unknown key; choose from role, industry"),
        ("links: {blog: https://a.example}", ": links.blog: unknown key"),
        ("role: boss", ": role: input should be 'ml-engineer', 'applied-research' or"),
        ("links: {demo: example}", ": links.demo: 'example' is not a public address; write https://..."),
        (ADVERT.replace("2026-1-1", "2026-13-45"), ": job_advertisements.1.date: input should be a valid date"),
        (MEDAL, ": kaggle_medal.rank: missing"),
        ("- role: ml-engineer", ": contains a list; write keys such as `role: ml-engineer`"),
        ("links: https://a.example", ": links: write keys below this one, not 'https://a.example'"),
        ("industry: 7", ": industry: input should be a valid string, not 7"),
        ("role: ml-engineer\nlinks: [", ", line 3: not YAML: "),
        ("a: !!bool x", ": not YAML: "),
        ("a: &a [*a]", ": not YAML: nested too deeply"),
        ("[" * 100, ", line 1: not YAML: nested too deeply"),
        ("[" * 100_000, ", line 1: not YAML: "),  # the rest of the message depends on the parser
        (b"author: \xff", ": not UTF-8 at byte 8; save it as UTF-8"),
    ],
)
def test_an_error_in_portfolio_yaml_is_one_line_that_names_file_and_key(tmp_path, capsys, text, message):
    path = tmp_path / "portfolio.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SystemExit) as ended:
        run(tmp_path)
    assert str(ended.value.code).startswith(f"error: {path}{message}")
    assert "\n" not in str(ended.value.code)
    assert capsys.readouterr().out == ""


def test_two_errors_are_two_lines(tmp_path):
    (tmp_path / "portfolio.yaml").write_text("role: boss\nniche: solar\n")
    with pytest.raises(BadDeclaration) as error:
        judge([tmp_path])
    assert str(error.value).count("\n") == 1


@pytest.mark.parametrize("text", ["", "# nothing", "role:\nlinks:\n  demo:\nkaggle_medal: {rank: }\nemails: ['']\n"])
def test_an_empty_or_half_filled_form_declares_nothing(tmp_path, text):
    (tmp_path / "portfolio.yaml").write_text(text)
    assert judge([tmp_path]).role == "ml-engineer"
    assert read(tmp_path / "portfolio.yaml").kaggle_medal is None


UNUSUAL_NAMES = [
    "O'Brien",
    "🦜 Zoë",
    "a: b",
    "#1 of us",
    "- dash",
    "yes",
    "null",
    "123",
    "~",
    "& co",
    "*star*",
    "!tag",
    "1:30",
    "2026-01-02",
]


@pytest.mark.parametrize(("author", "industry"), list(zip(UNUSUAL_NAMES[::2], UNUSUAL_NAMES[1::2], strict=True)))
def test_every_accepted_name_is_text_in_portfolio_yaml(tmp_path, author, industry):
    project = bake(tmp_path, author_name=author, industry=industry, project_slug="a-b")
    declared = read(project / "portfolio.yaml")
    assert (declared.author, declared.industry) == (author, industry)


def run(*words: str | Path) -> None:
    """The command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scorecard", *map(str, words)])
        main()


ALONE = {**os.environ, "PYTHONPATH": str(TEMPLATE), "PYTHONDONTWRITEBYTECODE": "1"}


def command(*words: str | Path, **environment: str) -> subprocess.CompletedProcess:
    """The command in a process of its own."""
    line = [sys.executable, "-m", "scorecard", *map(str, words)]
    return subprocess.run(line, env={**ALONE, **environment}, capture_output=True)


def test_two_runs_print_the_same_report(tmp_path):
    for name, text in {
        "README.md": "# A\n\n7.1 7.2\n",
        "docs/index.md": "8.1\n",
        "reports/metrics.json": '{"a": 1}',
    }.items():
        portfolio.write(tmp_path, name, text)
    first, second = (command(tmp_path, "--json", PYTHONHASHSEED=seed).stdout for seed in "12")
    assert first == second and b"7.1 (README.md:3)" in first


def test_the_json_report_follows_its_schema(finished, capsys):  # noqa: F811
    run(finished, "--json")
    printed = capsys.readouterr().out
    assert Report.model_validate_json(printed).model_dump_json(indent=1) + "\n" == printed
    assert json.loads(printed)["schema_version"] == 1
    assert set(json.loads(printed)) == set(Report.model_json_schema()["properties"])


def printed(report: Report, width: int) -> str:
    """The terminal report, every check included."""
    console = Console(file=StringIO(), width=width)
    show.terminal(report, console, show_checks=True)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_report_holds_verdicts_steps_and_note(finished, width):  # noqa: F811
    report = printed(judge([finished]), width)
    text = " ".join(report.split())
    assert "evidenced 5,000 not yet hireable" in text and "claimed 5,000 not yet hireable" in text
    assert "5,250 hireable · 15,000 competitive for ml-engineer" in text
    assert "Shortest path to hireable at 5,250 points" in text and "1. one more project:" in text
    assert rubric.NOTE in text
    assert max(map(len, report.splitlines())) <= width


def test_names_cannot_inject_tags_table_cells_or_escape_codes(tmp_path):
    name = "<script>alert(1)</script> | \\| [/red] :boom: \x1b[31m"
    (tmp_path / "README.md").write_text(f"# {name}\n\n{name} is one sentence.\n")
    (tmp_path / "portfolio.yaml").write_text("industry: <script>|\n")
    report = judge([tmp_path, TEMPLATE])
    rows = [line for line in show.markdown(report).splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {5}
    assert "<script" not in show.markdown(report) + show.page(report)
    assert html.escape("<script>alert(1)</script>") in show.page(report)
    assert "[/red] :boom:" in printed(report, 200) and "\x1b" not in printed(report, 200)


def test_fail_under_sets_the_exit_code(finished, capsys):  # noqa: F811
    run(finished, "--fail-under", "5000")
    assert "5,000 evidenced" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"^5,000 points evidenced, --fail-under asks for 5,001$"):
        run(finished, "--fail-under", "5001")


def test_a_role_on_the_command_line_overrides_the_declared_one(finished):  # noqa: F811
    report = judge([finished], role="applied-research")
    assert (report.role, report.evidenced) == ("applied-research", 1 * 5 * 5 * 20)


def test_items_of_different_roles_require_the_option(tmp_path):
    for role in ("ml-engineer", "applied-research"):
        portfolio.write(tmp_path / role, "portfolio.yaml", f"role: {role}\n")
    folders = [tmp_path / "ml-engineer", tmp_path / "applied-research"]
    with pytest.raises(BadDeclaration, match="--role ml-engineer"):
        judge(folders)
    assert judge(folders, role="ml-engineer").evidenced == -2


def test_several_items_are_judged_and_a_missing_folder_is_one_line(baked, tmp_path):
    assert len(judge([baked, tmp_path]).items) == 2
    done = command(tmp_path / "nowhere")
    assert done.returncode == 1 and done.stdout == b""
    assert (
        done.stderr.decode().strip() == f"error: {tmp_path / 'nowhere'}: no such folder; pass the path of a repository"
    )


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json"])
def test_every_format_is_written_on_any_system(baked, form):
    done = command(baked, "--format", form, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stderr == b""
    assert b"not yet hireable" in done.stdout


@pytest.mark.parametrize("form", ["terminal", "json"])
def test_a_closed_pipe_gives_no_traceback(baked, form):
    words = [sys.executable, "-m", "scorecard", str(baked), "--all", "--format", form]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ALONE) as process:
        process.stdout.close()  # type: ignore[union-attr]
        assert process.stderr.read() == b""  # type: ignore[union-attr]


class Site(http.server.BaseHTTPRequestHandler):
    """/200, /404 and so on respond with that status; /asleep is a sleeping Space."""

    def do_GET(self) -> None:
        asleep = self.path == "/asleep"
        self.send_response(200 if asleep else int(self.path[1:]))
        self.end_headers()
        self.wfile.write(b"<h1>This Space is sleeping</h1>" if asleep else b"here")

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@pytest.fixture
def site():
    """Address of a local web server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_online_requests_the_public_addresses(finished, site, tmp_path):  # noqa: F811
    project = portfolio.copy(finished, tmp_path)
    portfolio.change(project, "portfolio.yaml", portfolio.ADDRESS, f"{site}/200")
    portfolio.change(project, "portfolio.yaml", "  demo:\n", f"  demo: {site}/asleep\n")
    portfolio.change(project, "portfolio.yaml", "https://github.com/ada/pump-watch", f"{site}/403")
    for number, path in enumerate([f"{site}/404", "http://127.0.0.1:9/refused", f"{site}/200", f"{site}/999"]):
        portfolio.change(project, "portfolio.yaml", f"https://jobs.example.org/{number}", path)
    portfolio.change(project, "portfolio.yaml", "https://jobs.example.org/4", f"{site}/500")
    report = judge([project], online=True)
    status = {r.id.removeprefix("online-"): r.status for r in report.items[0].checks if r.id.startswith("online-")}
    adverts = [status[f"advertisement-{number}"] for number in range(1, 6)]
    assert (status["article"], status["demo"], status["code"]) == ("pass", "fail", "not checked")
    assert adverts == ["fail", "fail", "pass", "not checked", "fail"]
    assert report.evidenced == 5_000


def test_an_article_with_a_broken_address_is_not_published(finished, site, tmp_path):  # noqa: F811
    project = portfolio.copy(finished, tmp_path)
    portfolio.change(project, "portfolio.yaml", portfolio.ADDRESS, f"{site}/404")
    assert judge([project]).evidenced == 5_000
    assert judge([project], online=True).evidenced == 1_000
