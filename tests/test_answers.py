"""Bad answers are refused, all of them in one message; good ones give a sound project."""

import json
import keyword
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, bake
from cookiecutter.exceptions import FailedHookException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOOD = {
    "project_name": "A",
    "author_name": "B",
    "industry": "C",
    "project_slug": "a-b",
    "package_name": "a_b",
    "github_username": "a",
}


def load_problems():
    """The check of the hook, without the answers that cookiecutter writes into it."""
    source = (TEMPLATE / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    space: dict = {"__name__": "hook"}
    exec(source.replace("{{ cookiecutter | tojson }}", "{}"), space)
    return space["problems"]


problems = load_problems()

HOSTILE = {
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


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in HOSTILE for value in HOSTILE[key]])
def test_hostile_answers_get_one_line_that_names_them(key, value):
    found = problems({**GOOD, key: value})
    assert len(found) == 1
    assert found[0].startswith(f"{key} {value!r}: ") and "\n" not in found[0]


@pytest.mark.parametrize(
    "name",
    ["Zoë's Wind-Turbine #1: 50% & more", "太陽光パネル検査", "مفتش", "🔆 Inspector", "- a", "it's $5"],
)
def test_names_of_real_life_give_a_sound_project(tmp_path, name):
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
def test_any_accepted_text_is_safe_between_quotes(text):
    if problems({**GOOD, "project_name": text}):
        return
    assert tomllib.loads(f'a = "{text}"') == {"a": text}
    assert json.loads(f'"{text}"') == text
    assert yaml.safe_load(f'a: "{text}"') == {"a": text}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.text(st.characters(max_codepoint=300), max_size=45))
def test_any_accepted_package_can_be_imported(name):
    if not problems({**GOOD, "package_name": name}):
        assert name.isidentifier() and not keyword.iskeyword(name)
        assert name not in sys.stdlib_module_names


def test_all_bad_answers_come_at_once_and_nothing_is_left(tmp_path, capfd):
    with pytest.raises(FailedHookException):
        bake(tmp_path, project_slug="UP", package_name="1", github_username="-", author_name="<b>")
    said = capfd.readouterr().err
    for key in ("project_slug", "package_name", "github_username", "author_name"):
        assert said.count(f"- {key} ") == 1
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_not_touched(tmp_path):
    mine = tmp_path / "solar-cell-inspector" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(Exception, match="already exists"):
        bake(tmp_path)
    assert [path for path in Path(tmp_path).rglob("*") if path.is_file()] == [mine]
