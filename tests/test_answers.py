"""Bad answers are refused, all of them in one message; good ones give a sound project."""

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


def test_no_project_is_named_like_what_it_needs(baked):
    told = tomllib.loads((baked / "pyproject.toml").read_text("utf-8"))
    needed = told["project"]["dependencies"] + told["dependency-groups"]["dev"]
    for name in (re.split(r"[^\w-]", line)[0].lower() for line in needed):
        assert problems({**GOOD, "project_slug": name}), name


INSTALLED = """
import importlib.metadata as metadata
print(*{found.metadata["Name"] for found in metadata.distributions()} | {*metadata.packages_distributions()})
"""


def test_nothing_is_named_like_what_is_installed(installed, run):
    """Else uv cannot resolve the project, or the one hides the other."""
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in run("python", "-c", INSTALLED).split()}
    free = {name for name in names if not problems({**GOOD, "project_slug": name})}
    assert free == {installed.name}


def test_no_package_hides_a_module_of_the_tests(baked):
    for path in (baked / "tests").glob("*.py"):
        if not path.stem.startswith("test_"):
            assert problems({**GOOD, "package_name": path.stem}), path.stem


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


# What people, and people who mean harm, type at a prompt.
NASTY = [
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
NASTY += [
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
NASTY += ["!!python/object", "*a", "&a", "%YAML", "---", "...", "'" * 3, '"' * 3, "]]", "<b>", "<!--", "@", "~", "null"]
NASTY += [
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
NASTY += ["con", "NUL", "com1", "lpt9", "class", "match", "import", "None", "torch", "json", "__init__", "..", "../up"]
NASTY += ["/etc", "C:\\x", "a/b", ".", "-", "_", "a" * 51, "x" * 5000, "太" * 31, "太" * 30, "no", "2048"]
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
SOUND = {
    **dict.fromkeys(["project_name", "author_name", "industry"], REAL),
    **dict.fromkeys(["project_slug", "github_username"], SLUGS),
    "package_name": PACKAGES,
    **CHOICES,
}
HOSTILE = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=70),
    st.lists(st.sampled_from([*NASTY, *REAL]), max_size=3).map("".join),
)


@st.composite
def answers(draw) -> dict[str, str]:
    """Sound answers, of which none to three are then spoilt."""
    found = {key: draw(st.sampled_from(good)) for key, good in SOUND.items()}
    free = sorted(found.keys() - CHOICES.keys())
    for key in draw(st.one_of(st.just([]), st.lists(st.sampled_from(free), max_size=3, unique=True))):
        found[key] = draw(HOSTILE)
    if found["project_slug"] not in NASTY:  # random text shall not name a folder of this machine
        found["project_slug"] = found["project_slug"].replace("/", "-")
    return found


ENDED = {"refused": 0, "no name of a folder": 0, "sound": 0}


def answered(folder: Path, answers: dict[str, str]) -> Path:
    """A bake whose prompts a person answers."""
    told = {**answers, "setup": "files"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_user_variable", "read_user_choice"):
            patch.setattr(prompt, name, lambda key, *rest: told[key])
        return Path(cookiecutter(str(TEMPLATE), output_dir=str(folder)))


def refused_or_sound(answers: dict[str, str], heard: pytest.CaptureFixture) -> None:
    """One line for each bad answer and nothing left behind, or a project of which everything parses."""
    heard.readouterr()
    wrong = problems(answers)
    assert not wrong or not all(answers[key] in good for key, good in SOUND.items()), wrong
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "outer/inner")
        folder.mkdir(parents=True)
        try:
            project = answered(folder, answers)
        except (FailedHookException, OutputDirExistsException, OSError, ValueError) as error:
            # cookiecutter makes the folder before it asks the hook; what can be no folder ends there
            slug = any(line.startswith("project_slug ") for line in wrong)
            assert wrong and (slug or isinstance(error, FailedHookException)), error
            left = [path for path in Path(name).rglob("*") if not path.is_dir()]
            assert left == [] and (slug or list(folder.iterdir()) == []), left
            if not isinstance(error, FailedHookException):
                ENDED["no name of a folder"] += 1
                return
            said = heard.readouterr().err
            assert re.findall(r"^  - (\w+) ", said, re.M) == [line.split()[0] for line in wrong], said
            assert "Traceback" not in said
            ENDED["refused"] += 1
            return
        assert not wrong, wrong
        assert project == folder / answers["project_slug"] and list(folder.iterdir()) == [project]
        no_brace_is_left(project)
        parses(project)
        python_is_clean(project)
        readme = (project / "README.md").read_text(encoding="utf-8")
        assert readme.startswith(f"# {answers['project_name']}\n")
        ENDED["sound"] += 1


def try_out(count: int, heard: pytest.CaptureFixture) -> None:
    """The property, with so many sets of answers, the same ones each time."""
    known = settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    known(given(answers())(lambda drawn: refused_or_sound(drawn, heard)))()


def test_any_answers_are_refused_or_give_a_sound_project(capfd):
    ENDED.update(dict.fromkeys(ENDED, 0))
    try_out(30, capfd)
    assert min(ENDED["refused"], ENDED["sound"]) > 3, ENDED


@pytest.mark.slow
def test_a_thousand_answers_are_refused_or_give_a_sound_project(capfd):
    ENDED.update(dict.fromkeys(ENDED, 0))
    try_out(1_000, capfd)
    assert sum(ENDED.values()) >= 1_000 and min(ENDED["refused"], ENDED["sound"]) > 200, ENDED
    with capfd.disabled():
        print(f"\n{ENDED}")
