"""What a bake leaves: exactly these files, all well formed."""

import gzip
import json
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import PACKAGE, SLUG, TEMPLATE, bake
from markdown_it import MarkdownIt

SOURCE = TEMPLATE / "{{cookiecutter.project_slug}}"
STARTERS = json.loads((TEMPLATE / "cookiecutter.json").read_text())["starter"]
ROLES = json.loads((TEMPLATE / "cookiecutter.json").read_text())["target_role"]
MARKDOWN = MarkdownIt("commonmark").enable("table")
RUNTIME = "vendor/heldout/src/heldout/site/demo"  # of the browser demo
BINARY = (".gzip",)
FILES = f"""
.dvc/.gitignore .dvc/config .github/workflows/publish.yml .github/workflows/tests.yml
.gitattributes .gitignore .pre-commit-config.yaml CITATION.cff LICENSE README.md app.py
cloud/train.ipynb cloud/train.sbatch cloud/train.yaml
conf/config.yaml conf/data/own.yaml conf/data/starter.yaml
conf/model/frozen.yaml conf/model/network.yaml
conf/trainer/cluster.yaml conf/trainer/cpu.yaml conf/trainer/gpu.yaml
docs/article.md docs/blocks.md.j2 docs/data-card.md docs/decisions.md docs/demo/index.md docs/index.md
docs/model-card.md docs/reproduce.md docs/results.md docs/results.md.j2
dvc.yaml mkdocs.yml portfolio.yaml pyproject.toml
src/{PACKAGE}/__init__.py src/{PACKAGE}/baseline.py src/{PACKAGE}/data.py src/{PACKAGE}/evaluate.py
src/{PACKAGE}/explain.py src/{PACKAGE}/export.py src/{PACKAGE}/features.py src/{PACKAGE}/model.py
src/{PACKAGE}/predict.py src/{PACKAGE}/report.py src/{PACKAGE}/train.py
tests/conftest.py tests/small.py tests/test_data.py tests/test_demo.py tests/test_model.py tests/test_project.py
""".split()
STARTER_FILES = {"wind-turbines": f"src/{PACKAGE}/windows.py"}
ROLE_FILES = {
    "ml-engineer": "",
    "applied-research": f"docs/reproduction.md docs/reproduction.md.j2 src/{PACKAGE}/reproduce.py",
    "research-scientist": f"paper/numbers.typ paper/paper.typ paper/references.bib src/{PACKAGE}/paper.py",
}


def files(folder: Path) -> list[str]:
    """Names of the files outside .git and vendor."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if path.parts[0] not in (".git", "vendor"))


def text(path: Path) -> str:
    """The text of a file; nothing of a binary one."""
    return "" if path.suffix in BINARY else path.read_text(encoding="utf-8")


def test_exactly_these_files(baked):
    assert baked.name == SLUG
    assert files(baked) == sorted(FILES)


def no_brace_is_left(project: Path) -> None:
    """Nothing of the template's language stands in the project."""
    for name in files(project):
        found = text(project / name)
        if name.endswith(".j2"):  # templates of the results page, with delimiters of their own
            continue
        if name.startswith(".github/workflows/"):  # GitHub has braces of its own
            found = re.sub(r"\$\{\{ (?:github|matrix|secrets|steps|vars)\.[^{}]+ \}\}", "", found)
        assert not re.search(r"cookiecutter\.|\{\{|\{%|\{#", found), name


def parses(project: Path) -> None:
    """Every TOML, YAML, JSON, Python and Markdown file; of the last, every table is one."""
    for name in files(project):
        if name.endswith(".toml"):
            tomllib.loads(text(project / name))
        elif name.endswith((".yaml", ".yml", ".cff")):
            yaml.load(text(project / name), yaml.CSafeLoader)
        elif name.endswith(".ipynb"):
            json.loads(text(project / name))
        elif name.endswith(".py"):
            compile(text(project / name), name, "exec")
        elif name.endswith(".md"):
            body = text(project / name)
            if front := re.match(r"---\n(.*?\n)---\n", body, re.DOTALL):
                assert isinstance(yaml.load(front[1], yaml.CSafeLoader), dict), name
                body = body[front.end() :]
            for token in MARKDOWN.parse(body):
                assert token.type != "inline" or not re.search(r"^\|.*\|$", token.content, re.MULTILINE), (name, token)


def python_is_clean(project: Path) -> None:
    """Ruff finds nothing to say, and nothing to format."""
    for command in (["check"], ["format", "--diff"]):
        done = subprocess.run(["ruff", *command, "--no-cache", "."], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_bake_is_sound(baked):
    no_brace_is_left(baked)
    parses(baked)
    python_is_clean(baked)


def test_no_jinja_in_python():
    for path in [*SOURCE.glob("vendor/**/*.py"), *SOURCE.glob("*/*/src/**/*.py")]:
        assert not re.search(r"\{\{|\{%|cookiecutter", text(path)), path


def test_committed_once_as_the_user_and_clean(baked):
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=baked, capture_output=True, text=True, check=True).stdout

    assert git("log", "--format=%an %s") == "Ada Generate the project\n"
    assert git("status", "--porcelain") == ""


def test_the_library_is_copied_as_it_is(baked):
    library = SOURCE / "vendor"
    for path in library.rglob("*"):
        if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts):
            assert (baked / "vendor" / path.relative_to(library)).read_bytes() == path.read_bytes(), path


def test_shared_code_does_not_name_a_starter():
    shared = [path for path in SOURCE.rglob("*") if path.is_file() and "starters" not in path.parts]
    words = [*STARTERS, "solar", "elpv", "wind.?turbine", "openoa", "haute", "caravan", "islp"]
    for path in shared:
        if not {"__pycache__", ".ruff_cache"} & set(path.parts):
            assert not re.search("|".join(words), text(path), re.IGNORECASE), path


@pytest.mark.slow
def test_the_runtime_is_the_published_package(tmp_path):
    if not (npm := shutil.which("npm")):
        pytest.skip("no npm")
    folder = SOURCE / RUNTIME
    package = re.search(r"(onnxruntime-web) (\S+),", text(folder / "LICENSE"))
    subprocess.run([npm, "pack", "@".join(package.groups())], cwd=tmp_path, check=True, capture_output=True)
    sources = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        for name, source in zip(["ort.js.gzip", "ort.wasm.gzip"], sources, strict=True):
            published = archive.extractfile(f"package/dist/{source}").read()
            assert gzip.decompress((folder / name).read_bytes()) == published


def check_both_kinds_of_data_have_the_same_settings(project: Path) -> None:
    """DVC reads the same parameters from starter.yaml and own.yaml, and no date, which it cannot write."""
    stages = yaml.safe_load(text(project / "dvc.yaml"))["stages"].values()
    read = {key for stage in stages for each in stage.get("params", []) for key in each.get("conf/data/own.yaml") or []}
    starter, own = (yaml.safe_load(text(project / f"conf/data/{name}.yaml")) for name in ("starter", "own"))
    assert set(starter) == set(own) >= read
    json.dumps([starter, own])


@pytest.mark.parametrize("starter", STARTERS)
@pytest.mark.parametrize("role", ROLES)
def test_every_starter_in_every_role(tmp_path, starter, role):
    project = bake(tmp_path, starter=starter, target_role=role, project_slug=SLUG)
    extra = STARTER_FILES.get(starter, "").split() + ROLE_FILES[role].split()
    assert files(project) == sorted(FILES + extra)
    test_a_bake_is_sound(project)
    test_article_budgets_add_up(project)
    check_both_kinds_of_data_have_the_same_settings(project)
    assert role.split("-")[-1][:8] in text(project / "docs/article.md")


@pytest.mark.parametrize("licence", ["BSD-3-Clause", "Apache-2.0"])
def test_other_licenses(tmp_path, licence):
    project = bake(tmp_path, license=licence)
    assert licence.split("-")[0] in text(project / "LICENSE")
    assert tomllib.loads(text(project / "pyproject.toml"))["project"]["license"] == licence


def test_article_budgets_add_up(baked):
    budgets = re.findall(r"<!-- budget: (\d+) words", text(baked / "docs/article.md"))
    assert len(budgets) == 14
    assert sum(map(int, budgets)) == 5000


def test_template_readme_is_short():
    assert len(text(TEMPLATE / "README.md").splitlines()) <= 120
