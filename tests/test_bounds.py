"""Size and style of what an applicant owns: a generated project is small enough to be explained line by line."""

import ast
import collections
import io
import subprocess
import tokenize
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, bake

STARTERS = sorted(path.name for path in (TEMPLATE / "{{cookiecutter.project_slug}}/starters").iterdir())
# Words that name nothing: as a variable they make a reader look elsewhere for the meaning.
PRIVATE_WORDS = """
    found said told known given each every some made asked shown ready wanted who ours theirs kept taken seen learnt
    however few most least at place everyone body lower before after
"""
# Python of the applicant: src/<package>/*.py and app.py. "library" is vendor/heldout.
AT_MOST = {
    "lines": 1_000,
    "modules": 15,
    "lines of the longest function": 50,
    "test lines": 500,
    "test files": 8,
    "files outside vendor": 60,
    "private words, % of names": 0.3,
    "comprehensions and conditional expressions per 100 lines": 4,
    "function names in two modules": 0,
    "settings in conf": 60,
    "library lines": 3_550,  # aimed at 2,600: docs/decisions.md
    "modules in an import cycle": 0,
    "lines over 120 characters": 0,
    "lines over 100 characters, %": 4,
}
AT_LEAST = {"comments per 100 lines": 5}
SHARED = 35  # % of the functions, classes and constants of a starter, by lines, that another starter has too
CLEVER = (ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.IfExp)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A fresh project of each starter."""
    folder = tmp_path_factory.mktemp("bounds")
    return {name: bake(folder, starter=name, project_slug=f"a-{name}", package_name="package") for name in STARTERS}


def tracked(project: Path) -> list[Path]:
    """Every committed file."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, text=True, check=True).stdout
    return [project / name for name in names.split("\0") if name]


def owned(project: Path) -> list[Path]:
    """Modules of the applicant."""
    return [*sorted(project.glob("src/package/*.py")), project / "app.py"]


def line_count(paths: list[Path]) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def measure(project: Path) -> dict[str, float]:
    """Figures of a project under the names of AT_MOST and AT_LEAST."""
    files = tracked(project)
    outside = [path for path in files if path.relative_to(project).parts[0] != "vendor"]
    library = [path for path in files if path not in outside and path.suffix == ".py"]
    tests = sorted(project.glob("tests/*.py"))
    modules = owned(project)
    lines = line_count(modules)
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = variable_names(nodes)
    private = sum(name in PRIVATE_WORDS.split() for name in names)
    clever = sum(isinstance(node, CLEVER) for node in nodes)
    widths = [len(line) for path in modules for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        "lines": lines,
        "modules": len(modules),
        "lines of the longest function": max(node.end_lineno - node.lineno + 1 for node in functions),
        "test lines": line_count(tests),
        "test files": len(tests),
        "files outside vendor": len(outside),
        "private words, % of names": 100 * private / len(names),
        "comprehensions and conditional expressions per 100 lines": 100 * clever / lines,
        "comments per 100 lines": 100 * sum(map(comment_count, modules)) / lines,
        "function names in two modules": len(repeated_functions(trees)),
        "settings in conf": len(settings(project / "conf")),
        "library lines": line_count(library),
        "modules in an import cycle": len(import_cycle(trees)),
        "lines over 120 characters": sum(width > 120 for width in widths),
        "lines over 100 characters, %": 100 * sum(width > 100 for width in widths) / lines,
    }


def variable_names(nodes: list[ast.AST]) -> list[str]:
    """Names of variables and arguments, as often as they are written."""
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    return names + [node.arg for node in nodes if isinstance(node, ast.arg)]


def comment_count(path: Path) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return sum(token.type == tokenize.COMMENT for token in tokens)


def repeated_functions(trees: dict[str, ast.Module]) -> set[str]:
    """Names of functions at the top of two modules; every stage may have its `main`."""
    modules = collections.defaultdict(set)
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name != "main":
                modules[node.name].add(name)
    return {name for name, where in modules.items() if len(where) > 1}


def import_cycle(trees: dict[str, ast.Module]) -> set[str]:
    """Modules of the package that import themselves, directly or through others."""
    imports: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                targets = [node.module] if node.module else [alias.name for alias in node.names]
                imports[name] |= {target.split(".")[0] for target in targets} & set(trees)
    return {name for name in trees if name in reachable(name, imports)}


def reachable(start: str, imports: dict[str, set[str]]) -> set[str]:
    """Modules that a module imports, directly or through others."""
    visited: set[str] = set()
    stack = [start]
    while stack:
        new = imports[stack.pop()] - visited
        visited |= new
        stack += new
    return visited


def settings(conf: Path) -> set[str]:
    """Distinct keys in conf/, such as model.lr: files of one group share theirs."""
    keys = set()
    for path in conf.rglob("*.yaml"):
        group = "" if path.parent == conf else path.parent.name
        keys |= leaf_keys(yaml.compose(path.read_text(encoding="utf-8")), group)
    return keys - {"defaults"}


def leaf_keys(node: yaml.Node, prefix: str) -> set[str]:
    """Dotted keys below a node; a block in one line, such as shares: {train: 0.6, val: 0.4}, is one setting."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return {prefix}
    return set().union(*(leaf_keys(value, f"{prefix}.{key.value}".strip(".")) for key, value in node.value))


@pytest.mark.parametrize("starter", STARTERS)
def test_a_project_stays_within_its_bounds(projects, starter):
    figures = measure(projects[starter])
    too_large = {name: figures[name] for name, bound in AT_MOST.items() if figures[name] > bound}
    too_small = {name: figures[name] for name, bound in AT_LEAST.items() if figures[name] < bound}
    assert (too_large, too_small) == ({}, {})


def definitions(project: Path) -> list[str]:
    """Source of every statement at the top of a module, imports left out."""
    segments = []
    for path in owned(project):
        text = path.read_text(encoding="utf-8")
        nodes = [node for node in ast.parse(text).body if not isinstance(node, ast.Import | ast.ImportFrom)]
        segments += [ast.get_source_segment(text, node) or "" for node in nodes]
    return segments


@pytest.mark.parametrize("starter", STARTERS)
def test_starters_have_code_of_their_own(projects, starter):
    segments = definitions(projects[starter])
    total = sum(segment.count("\n") + 1 for segment in segments)
    for other in STARTERS:
        if other != starter:
            shared = set(definitions(projects[other])) & set(segments)
            common = sum(segment.count("\n") + 1 for segment in segments if segment in shared)
            assert 100 * common / total <= SHARED, f"{starter} and {other}: {100 * common / total:.1f}%"
