"""The oldest and the newest dependency versions that a project allows."""

import itertools
import os
import re
import subprocess
import tomllib
from datetime import UTC, datetime

import pytest
from conftest import PAIRS, bake, command

PYTHONS = ["3.11", "3.12", "3.13"]
WHERE = [*itertools.product(PAIRS, ["linux", "macos", "windows"])]
NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
OLDEST, NEWEST = "--resolution=lowest-direct", f"--exclude-newer={NOW}"
ENDS = pytest.mark.parametrize(
    "end",
    [pytest.param(OLDEST, id="oldest"), pytest.param(NEWEST, id="newest", marks=pytest.mark.slow)],  # changes daily
)


def uv(*words: str, **more) -> subprocess.CompletedProcess:
    """Runs a uv command."""
    return subprocess.run([os.environ["UV"], *words], capture_output=True, text=True, **more)


@pytest.mark.slow
@ENDS
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("starter", PAIRS)
def test_a_project_passes_its_tests(tmp_path, starter, python, end):
    if uv("python", "find", "--no-python-downloads", python).returncode:
        pytest.skip(f"Python {python} is not installed")
    project = bake(tmp_path, starter=starter, target_role=PAIRS[starter])
    done = uv("sync", "--python", python, end, cwd=project)
    assert done.returncode == 0, done.stderr
    print(command(project, "pytest", "-q").splitlines()[-1])


@ENDS
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("starter", "system"),
    [pytest.param(*pair, marks=[pytest.mark.slow] * (pair != ("caravan-insurance", "windows"))) for pair in WHERE],
)
def test_nothing_has_to_be_compiled(tmp_path, starter, system, python, end):
    """Every package has a wheel on every system and Python, or is pure Python; oldest versions are the lower bounds."""
    project = bake(tmp_path, starter=starter)
    where = ["--python-version", python, "--python-platform", system, "--only-binary=:all:", end]
    where += ["--no-binary=antlr4-python3-runtime"]  # Hydra's, pure Python
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # what PyTorch needs
    done = uv("pip", "compile", "--quiet", "pyproject.toml", "--group", "dev", *where, cwd=project, env=env)
    assert done.returncode == 0, done.stderr
    resolved = dict(re.findall(r"^([\w-]+)(?:\[.*\])?==([\d.]+)", done.stdout, re.MULTILINE))
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    direct = [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    bounds = {}
    for line in [*direct, *table["tool"]["uv"]["override-dependencies"]]:  # an override replaces the bound
        if match := re.match(r"([\w-]+)(?:\[.*\])?>=([\d.]+)", line):
            bounds[match[1].lower()] = match[2]
    assert "torch" in bounds and bounds.keys() <= resolved.keys()
    if "lowest" in end:  # otherwise a lower bound has no wheel
        assert {name: resolved[name] for name in bounds if not same(resolved[name], bounds[name])} == {}


def same(version: str, other: str) -> bool:
    """Whether two versions are the same, such as 2.1.0 and 2.1."""
    return re.sub(r"(\.0)+$", "", version) == re.sub(r"(\.0)+$", "", other)
