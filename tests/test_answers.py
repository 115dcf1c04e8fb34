"""Invalid answers are refused, all in one message; valid ones give a valid project."""

import json
import keyword
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, bake
from cookiecutter import prompt
from cookiecutter.exceptions import FailedHookException, OutputDirExistsException
from cookiecutter.main import cookiecutter
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_bake import no_brace_is_left, parses, python_is_clean

GOOD = {
    "project_name": "A",
    "author_name": "B",
    "industry": "C",
    "project_slug": "a-b",
    "package_name": "a_b",
    "github_username": "a",
}


def load_problems():
    """The function `problems` of the hook, without rendering."""
    source = (TEMPLATE / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    space: dict = {"__name__": "hook"}
    exec(source.replace("{{ cookiecutter | tojson }}", "{}"), space)
    return space["problems"]


problems = load_problems()

INVALID = {
    "project_name": [
        "",
        " ",
        "a\nb",
        'say "hi"',
        "back\\slash",
        "{{ 7 }}",
        "[[ 7 ]]",
        "a|b",
        "<script>",
        "`ls`",
        "x" * 61,
        " a",
        "\u2028",
    ],
    "author_name": ["", '"', "tab\there"],
    "industry": ["", "a{b", "\x00"],
    "project_slug": ["", "../up", "torch", "a/b", "UPPER", "-a", "a-", "con", "nul", "a b", ".", "x" * 51, "ä"],
    "package_name": ["", "yaml", "1a", "a-b", "class", "match", "torch", "json", "tests", "app", "A", "x" * 41, "_a"],
    "github_username": ["", "-a", "a_b", "a/b", "x" * 40, "https://github.com/a"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in INVALID for value in INVALID[key]])
def test_an_invalid_answer_gets_one_line_that_names_it(key, value):
    messages = problems({**GOOD, key: value})
    assert len(messages) == 1
    assert messages[0].startswith(f"{key} {value!r}: ") and "\n" not in messages[0]


@pytest.mark.parametrize(
    "name",
    ["Zoë's Wind-Turbine #1: 50% & more", "太陽光パネル検査", "مفتش", "🔆 Inspector", "- a", "it's $5"],
)
def test_real_names_give_a_valid_project(tmp_path, name):
    project = bake(tmp_path, project_name=name, author_name=name, industry=name, project_slug="a-b")
    assert tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["authors"] == [{"name": name}]
    for path in [*project.glob("*.yml"), *project.glob("*.cff"), *project.glob("conf/**/*.yaml")]:
        assert yaml.safe_load(path.read_text("utf-8"))
    assert name in yaml.safe_load((project / "mkdocs.yml").read_text("utf-8"))["site_name"]
    for path in project.rglob("*.py"):
        compile(path.read_text("utf-8"), path, "exec")
    done = subprocess.run(["ruff", "format", "--check", "--no-cache", "."], cwd=project, capture_output=True)
    assert done.returncode == 0, done.stdout


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=70))
def test_every_accepted_text_is_safe_between_quotes(text):
    if problems({**GOOD, "project_name": text}):
        return
    assert tomllib.loads(f'a = "{text}"') == {"a": text}
    assert json.loads(f'"{text}"') == text
    assert yaml.safe_load(f'a: "{text}"') == {"a": text}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.text(st.characters(max_codepoint=300), max_size=45))
def test_every_accepted_package_can_be_imported(name):
    if not problems({**GOOD, "package_name": name}):
        assert name.isidentifier() and not keyword.iskeyword(name)
        assert name not in sys.stdlib_module_names


def test_no_project_has_the_name_of_a_dependency(baked):
    requirements = []
    for path in (baked / "pyproject.toml", baked / "vendor/heldout/pyproject.toml"):
        table = tomllib.loads(path.read_text("utf-8"))
        requirements += table["project"]["dependencies"]
        for group in ("optional-dependencies", "dependency-groups"):
            extras = table["project"].get(group) or table.get(group) or {}
            requirements += [line for lines in extras.values() for line in lines]
    for line in requirements:
        name = re.split(r"[^\w-]", line)[0].lower()
        assert problems({**GOOD, "project_slug": name}), name


INSTALLED = """
import importlib.metadata as metadata
print(*{package.metadata["Name"] for package in metadata.distributions()} | {*metadata.packages_distributions()})
"""


def test_no_project_has_the_name_of_an_installed_package(installed, run):
    """Otherwise uv cannot resolve the project, or one package hides the other."""
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in run("python", "-c", INSTALLED).split()}
    free = {name for name in names if not problems({**GOOD, "project_slug": name})}
    assert free == {installed.name}


def test_no_package_hides_a_module_of_the_tests(baked):
    for path in (baked / "tests").glob("*.py"):
        if not path.stem.startswith("test_"):
            assert problems({**GOOD, "package_name": path.stem}), path.stem


def test_no_package_hides_a_folder_of_the_project(baked):
    for path in baked.iterdir():
        if path.is_dir() and path.name.isidentifier():
            assert problems({**GOOD, "package_name": path.name}), path.name


def test_all_invalid_answers_are_reported_at_once_and_nothing_is_left(tmp_path, capfd):
    with pytest.raises(FailedHookException):
        bake(tmp_path, project_slug="UP", package_name="1", github_username="-", author_name="<b>")
    output = capfd.readouterr().err
    for key in ("project_slug", "package_name", "github_username", "author_name"):
        assert output.count(f"- {key} ") == 1
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_changed(tmp_path):
    mine = tmp_path / "solar-cell-inspector" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(Exception, match="already exists"):
        bake(tmp_path)
    assert [path for path in Path(tmp_path).rglob("*") if path.is_file()] == [mine]


# Adversarial and accidental input at a prompt.
ADVERSARIAL = [
    "",
    " ",
    '"',
    "'",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u2028",
    "\ufeff",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{#",
    "[[ x ]]",
]
ADVERSARIAL += [
    "${oops}",
    "$HOME",
    "`ls`",
    "$(ls)",
    "; rm -rf ~",
    "| cat",
    "> x",
    "&",
    "#",
    "- a",
    "--help",
    "? a",
    "a: b",
    ": ",
]
ADVERSARIAL += [
    "!!python/object",
    "*a",
    "&a",
    "%YAML",
    "---",
    "...",
    "'" * 3,
    '"' * 3,
    "]]",
    "<b>",
    "<!--",
    "@",
    "~",
    "null",
]
ADVERSARIAL += [
    "yes",
    "no",
    "1e3",
    "0x1",
    "2024-01-01",
    "☀️ 🔆",
    "مفتش الخلايا",
    "\u202egnp.exe",
    "太陽",
    "Zoë",
    "e\u0301",
    "İ",
    "ß",
]
ADVERSARIAL += [
    "con",
    "NUL",
    "com1",
    "lpt9",
    "class",
    "match",
    "import",
    "None",
    "torch",
    "json",
    "__init__",
    "..",
    "../up",
]
ADVERSARIAL += ["/etc", "C:\\x", "a/b", ".", "-", "_", "a" * 51, "x" * 5000, "太" * 31, "太" * 30, "no", "2048"]
REAL = [
    "Solar Cell Inspector",
    "Zoë's #1 & Sons",
    "Wind: 50% more",
    "太陽光パネル検査",
    "مفتش",
    "O'Brien",
    "- a",
    "it's $5",
]
PACKAGES = ["a_b", "wind_2", "solar_cell_inspector", "x", "y" * 40]
SLUGS = ["a-b", "wind-2", "solar-cell-inspector", "a", "9-lives", "x" * 39]
CHOICES = {
    key: choices
    for key, choices in json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8")).items()
    if isinstance(choices, list) and not key.startswith("_") and key != "setup"
}
VALID = {
    **dict.fromkeys(["project_name", "author_name", "industry"], REAL),
    **dict.fromkeys(["project_slug", "github_username"], SLUGS),
    "package_name": PACKAGES,
    **CHOICES,
}
ADVERSARIAL_TEXT = st.one_of(
    st.sampled_from(ADVERSARIAL),
    st.text(max_size=70),
    st.lists(st.sampled_from([*ADVERSARIAL, *REAL]), max_size=3).map("".join),
)


@st.composite
def answers(draw) -> dict[str, str]:
    """Valid answers, up to three of them replaced by adversarial text."""
    drawn = {key: draw(st.sampled_from(good)) for key, good in VALID.items()}
    free = sorted(drawn.keys() - CHOICES.keys())
    for key in draw(st.one_of(st.just([]), st.lists(st.sampled_from(free), min_size=1, max_size=3, unique=True))):
        drawn[key] = draw(ADVERSARIAL_TEXT)
    if drawn["project_slug"] not in ADVERSARIAL:  # random text must not name a folder of this machine
        drawn["project_slug"] = drawn["project_slug"].replace("/", "-")
    return drawn


OUTCOMES = {"refused": 0, "not a folder name": 0, "valid": 0}


def answered(folder: Path, answers: dict[str, str]) -> Path:
    """A project generated with these answers at the prompts."""
    replies = {**answers, "setup": "files"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_user_variable", "read_user_choice"):
            patch.setattr(prompt, name, lambda key, *rest: replies[key])
        return Path(cookiecutter(str(TEMPLATE), output_dir=str(folder)))


def check_outcome(answers: dict[str, str], capture: pytest.CaptureFixture) -> None:
    """Either one line per invalid answer and nothing left behind, or a project in which every file parses."""
    capture.readouterr()
    wrong = problems(answers)
    assert not wrong or not all(answers[key] in good for key, good in VALID.items()), wrong
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "outer/inner")
        folder.mkdir(parents=True)
        try:
            project = answered(folder, answers)
        except (FailedHookException, OutputDirExistsException, OSError, ValueError) as error:
            # cookiecutter creates the folder before the hook runs, and fails if it cannot
            slug = any(line.startswith("project_slug ") for line in wrong)
            assert wrong and (slug or isinstance(error, FailedHookException)), error
            left = [path for path in Path(name).rglob("*") if not path.is_dir()]
            assert left == [] and (slug or list(folder.iterdir()) == []), left
            if not isinstance(error, FailedHookException):
                OUTCOMES["not a folder name"] += 1
                return
            output = capture.readouterr().err
            assert re.findall(r"^  - (\w+) ", output, re.M) == [line.split()[0] for line in wrong], output
            assert "Traceback" not in output
            OUTCOMES["refused"] += 1
            return
        assert not wrong, wrong
        assert project == folder / answers["project_slug"] and list(folder.iterdir()) == [project]
        no_brace_is_left(project)
        parses(project)
        python_is_clean(project)
        readme = (project / "README.md").read_text(encoding="utf-8")
        assert readme.startswith(f"# {answers['project_name']}\n")
        OUTCOMES["valid"] += 1


def check_outcomes(count: int, capture: pytest.CaptureFixture) -> None:
    """Checks the property on `count` sets of answers, the same ones each time."""
    deterministic = settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    deterministic(given(answers())(lambda drawn: check_outcome(drawn, capture)))()


def test_any_answers_are_refused_or_give_a_valid_project(capfd):
    OUTCOMES.update(dict.fromkeys(OUTCOMES, 0))
    check_outcomes(30, capfd)
    assert min(OUTCOMES["refused"], OUTCOMES["valid"]) > 3, OUTCOMES


@pytest.mark.slow
def test_a_thousand_answers_are_refused_or_give_a_valid_project(capfd):
    OUTCOMES.update(dict.fromkeys(OUTCOMES, 0))
    check_outcomes(1_000, capfd)
    assert sum(OUTCOMES.values()) >= 1_000 and min(OUTCOMES["refused"], OUTCOMES["valid"]) > 200, OUTCOMES
    with capfd.disabled():
        print(f"\n{OUTCOMES}")
