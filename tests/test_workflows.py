"""The workflows of the template and of a baked project: nothing to complain about, and pinned."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE

LINTERS = {
    "actionlint": ["actionlint", "-no-color"],
    "zizmor": ["zizmor", "--offline", "--no-progress", "--quiet", "--persona", "pedantic"],
}


@pytest.fixture(params=["template", "project"])
def workflows(request: pytest.FixtureRequest, baked: Path) -> list[Path]:
    """The workflows of the template, then those of a project."""
    folder = TEMPLATE if request.param == "template" else baked
    return sorted((folder / ".github/workflows").iterdir())


def complaints(linter: str, paths: list[Path]) -> str:
    """What the linter has to say of these workflows; skips where it is not installed."""
    if not shutil.which(linter):
        pytest.skip(f"{linter} is not installed")
    done = subprocess.run([*LINTERS[linter], *paths], capture_output=True, text=True)
    return done.stdout if done.returncode else ""


@pytest.mark.parametrize("linter", LINTERS)
def test_the_linters_report_nothing(workflows, linter):
    assert complaints(linter, workflows) == ""


@pytest.mark.parametrize("linter", LINTERS)
def test_the_linters_would_report_something(baked, tmp_path, linter):
    bad = tmp_path / "bad.yml"
    text = (baked / ".github/workflows/tests.yml").read_text()
    bad.write_text(text.replace("uv sync", "echo ${{ github.event.pull_request.title }}"))
    assert "pull_request.title" in complaints(linter, [bad])


def test_actions_are_pinned_and_keep_no_credentials(workflows):
    for path in workflows:
        text = path.read_text()
        used = re.findall(r"uses: (.*)", text)
        assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used), path
        assert text.count("actions/checkout@") == text.count("persist-credentials: false"), path


def test_no_permission_without_a_job_that_needs_it(workflows):
    for path in workflows:
        found = yaml.safe_load(path.read_text())
        assert found["permissions"] == {}, path
        granted = {
            (name, key)
            for name, job in found["jobs"].items()
            for key, value in job["permissions"].items()
            if value == "write"
        }
        assert granted <= {("site", "pages"), ("site", "id-token"), ("issue", "issues")}, path
