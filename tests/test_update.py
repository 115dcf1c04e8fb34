"""A project follows the template: `cruft update` over its history, and the owner's edits stay."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import PACKAGE, SLUG, TEMPLATE

EDITS = {  # file: what its owner writes, and where
    "README.md": ("## Demo", "The sensors were moved in May; see the log of the plant.\n\n## Demo"),
    "conf/model/network.yaml": ("lr: 3e-4", "lr: 7e-4"),
    "docs/article.md": ("## ", "Nobody had asked the inspectors before.\n\n## "),
    f"src/{PACKAGE}/scores.py": ('"""', '"""Mine: '),
    "docs/style.css": ("", "/* mine */\n"),
}


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def cruft(folder: Path, *words: str) -> None:
    """Runs cruft in an environment of its own."""
    line = [os.environ["UV"], "tool", "run", "--from", "cruft>=2.16,<3", "cruft", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def versions() -> list[str]:
    """Three commits of the template: some time ago, a little ago, now."""
    if not (TEMPLATE / ".git").exists():
        pytest.skip("the template's history is not here")
    commits = git(TEMPLATE, "rev-list", "--first-parent", "HEAD").split()
    if len(commits) < 60:
        pytest.skip("the template's history is not here")
    return [commits[50], commits[15], commits[0]]


@pytest.mark.slow
def test_edits_survive_three_versions(tmp_path, versions):
    template = tmp_path / "template"
    subprocess.run(["git", "clone", "--quiet", TEMPLATE, template], check=True)
    old, *newer = versions
    answers = ["--no-input", "--output-dir", str(tmp_path), "--extra-context", '{"setup": "files"}']
    cruft(tmp_path, "create", str(template), "--checkout", old, *answers)
    project = tmp_path / SLUG
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Create")
    added = {}
    for name, (place, written) in EDITS.items():
        path = project / name
        text = path.read_text(encoding="utf-8")
        assert place in text, name
        path.write_text(text.replace(place, written, 1) if place else text + written, encoding="utf-8")
        added[name] = next(line for line in written.splitlines() if line and line != place)
    (project / f"src/{PACKAGE}/mine.py").write_text("MINE = 1\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Mine")
    for version in newer:
        cruft(project, "update", "--checkout", version, "--skip-apply-ask")
        for name, line in added.items():
            assert line in (project / name).read_text(encoding="utf-8"), (version, name)
        assert (project / f"src/{PACKAGE}/mine.py").read_text() == "MINE = 1\n"
        assert not list(project.rglob("*.rej")), "something was not merged"
        assert subprocess.run(["git", "diff", "--check"], cwd=project).returncode == 0, "conflicts"
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", version)
    cruft(project, "check")
