"""Workflows of the template and of a generated project: linted, pinned, with least privilege."""

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
    """Workflow files of the template, then of a project."""
    folder = TEMPLATE if request.param == "template" else baked
    return sorted((folder / ".github/workflows").iterdir())


def linter_output(linter: str, paths: list[Path]) -> str:
    """Findings of a linter; empty without any. Skips if the linter is not installed."""
    if not shutil.which(linter):
        pytest.skip(f"{linter} is not installed")
    done = subprocess.run([*LINTERS[linter], *paths], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_report_nothing(workflows, linter):
    assert linter_output(linter, workflows) == ""


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_report_an_injection(baked, tmp_path, linter):
    bad = tmp_path / "bad.yml"
    text = (baked / ".github/workflows/tests.yml").read_text()
    bad.write_text(text.replace("uv sync", "echo ${{ github.event.pull_request.title }}"))
    assert "pull_request.title" in linter_output(linter, [bad])


def test_actions_are_pinned_and_persist_no_credentials(workflows):
    for path in workflows:
        text = path.read_text()
        for action in re.findall(r"uses: (.*)", text):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), path
        assert text.count("actions/checkout@") == text.count("persist-credentials: false"), path


def test_only_jobs_that_need_it_may_write(workflows):
    for path in workflows:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}, path
        granted = set()
        for name, job in workflow["jobs"].items():
            granted |= {(name, key) for key, value in job["permissions"].items() if value == "write"}
        assert granted <= {("site", "pages"), ("site", "id-token"), ("issue", "issues")}, path
