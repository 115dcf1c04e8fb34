"""The oldest and the newest versions that a project allows."""

import os
import subprocess
from datetime import UTC, datetime

import pytest
from conftest import PAIRS, bake, command

PYTHONS = ["3.11", "3.12", "3.13"]
NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
ENDS = pytest.mark.parametrize(
    "end", ["--resolution=lowest-direct", f"--exclude-newer={NOW}"], ids=["oldest", "newest"]
)


def uv(*words: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([os.environ["UV"], *words], capture_output=True, text=True, **more)


@pytest.mark.slow
@ENDS
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("starter", PAIRS)
def test_they_pass_the_fast_tests(tmp_path, starter, python, end):
    if uv("python", "find", "--no-python-downloads", python).returncode:
        pytest.skip(f"Python {python} is not here")
    project = bake(tmp_path, starter=starter, target_role=PAIRS[starter])
    done = uv("sync", "--python", python, end, cwd=project)
    assert done.returncode == 0, done.stderr
    print(command(project, "pytest", "-q").splitlines()[-1])


@pytest.mark.slow
@ENDS
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", ["linux", "macos", "windows"])
@pytest.mark.parametrize("starter", PAIRS)
def test_nothing_has_to_be_compiled(tmp_path, starter, system, python, end):
    """Every package of every system and Python comes as a wheel, or is pure Python."""
    project = bake(tmp_path, starter=starter)
    where = ["--python-version", python, "--python-platform", system, "--only-binary=:all:", end]
    where += ["--no-binary=antlr4-python3-runtime"]  # Hydra's, pure Python
    done = uv("pip", "compile", "--quiet", "pyproject.toml", "--group", "dev", *where, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "torch==" in done.stdout
