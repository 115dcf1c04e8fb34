"""Lower bounds of dependencies admit no version with an advisory of tests/advisories.yaml."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, bake

HERE = Path(__file__).parent
ADVISORIES = yaml.safe_load((HERE / "advisories.yaml").read_text(encoding="utf-8"))
STARTERS = sorted(path.name for path in (TEMPLATE / "{{cookiecutter.project_slug}}/starters").iterdir())
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?.*?(?:>=|==)([\d.]+)")


def floors(pyproject: Path) -> dict[str, tuple[int, ...]]:
    """Lower bound of every requirement with one; an override of uv replaces the requirement."""
    table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    project = table["project"]
    requirements = [*project["dependencies"]]
    for extra in [*project.get("optional-dependencies", {}).values(), *table.get("dependency-groups", {}).values()]:
        requirements += extra
    requirements += table.get("tool", {}).get("uv", {}).get("override-dependencies", [])
    bounds = {}
    for line in requirements:
        if match := REQUIREMENT.match(line):
            bounds[match[1].lower().replace("_", "-")] = version(match[2])
    return bounds


def version(text: str) -> tuple[int, ...]:
    """13 and 13.0.0 are the same version."""
    parts = [int(part) for part in text.rstrip(".").split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


@pytest.fixture(scope="module")
def bounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, ...]]:
    """Lower bounds that hold in a generated project: its own replace those of vendor/heldout where both have one."""
    project = bake(tmp_path_factory.mktemp("floors"))
    library = floors(project / "vendor/heldout/pyproject.toml")
    own = floors(project / "pyproject.toml")
    return {name: max(own.get(name, (0,)), library.get(name, (0,))) for name in own | library}


@pytest.mark.parametrize("entry", ADVISORIES, ids=[f"{entry['package']}-{entry['fixed']}" for entry in ADVISORIES])
def test_floor_excludes_versions_with_an_advisory(bounds, entry):
    assert bounds[entry["package"]] >= version(str(entry["fixed"])), f"{entry['advisory']}: {entry['source']}"


def test_every_starter_has_the_same_floors(tmp_path):
    packages = {entry["package"] for entry in ADVISORIES}
    first = None
    for starter in STARTERS:
        bounds = floors(bake(tmp_path, starter=starter, project_slug=f"a-{starter}") / "pyproject.toml")
        relevant = {name: bound for name, bound in bounds.items() if name in packages}
        first = first or relevant
        assert relevant == first, starter


def test_the_template_itself_is_not_below_them():
    for name, bound in floors(TEMPLATE / "pyproject.toml").items():
        for entry in ADVISORIES:
            assert name != entry["package"] or bound >= version(str(entry["fixed"])), entry["advisory"]


def test_every_advisory_names_its_source():
    for entry in ADVISORIES:
        assert set(entry) == {"package", "fixed", "advisory", "problem", "source"}, entry
        assert entry["source"].startswith("https://")
