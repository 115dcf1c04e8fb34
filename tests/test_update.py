"""A project follows the template: `cruft update` over its history, and the owner's edits stay."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import PACKAGE, SLUG, TEMPLATE, git

VERSIONS = ["29fe8ab", "8e24c41", "HEAD"]  # after the scorecard's review, after the demo in the browser, now
EDITS = {  # file: what its owner finds, and writes
    "README.md": ("## Demo", "The sensors were moved in May; see the log of the plant.\n\n## Demo"),
    "conf/model/network.yaml": ("lr: 3e-4", "lr: 7e-4"),
    "docs/article.md": ("## ", "Nobody had asked the inspectors before.\n\n## "),
    f"src/{PACKAGE}/scores.py": ('"""', '"""Mine: '),
    "docs/style.css": ("/* Figures are", "/* Mine. */\n/* Figures are"),
}


def cruft(folder: Path, *words: str) -> None:
    """Runs cruft in an environment of its own."""
    line = [os.environ["UV"], "tool", "run", "--from", "cruft>=2.16,<3", "cruft", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def create(folder: Path, template: Path, version: str) -> Path:
    """The files of a project as this version of the template makes them."""
    folder.mkdir()
    [told] = re.findall(r"`uvx cruft (create .*?) --output-dir", (TEMPLATE / "README.md").read_text(encoding="utf-8"))
    cruft(folder, *shlex.split(told), "--checkout", version, "--no-input", str(template))
    return folder / SLUG


def content(project: Path) -> dict[str, bytes]:
    """Every committed file."""
    names = git(project, "ls-files").splitlines()
    return {name: (project / name).read_bytes() for name in names if name != ".cruft.json"}


def test_edits_survive_three_versions(tmp_path):
    known = [subprocess.run(["git", "cat-file", "-e", name], cwd=TEMPLATE).returncode == 0 for name in VERSIONS]
    if not all(known):
        pytest.skip("the template's history is not here")
    template = tmp_path / "template"
    subprocess.run(["git", "clone", "--quiet", TEMPLATE, template], check=True)
    project = create(tmp_path / "mine", template, VERSIONS[0])
    added = {}
    for name, (place, written) in EDITS.items():
        path = project / name
        text = path.read_text(encoding="utf-8")
        assert place in text, name
        path.write_text(text.replace(place, written, 1), encoding="utf-8")
        added[name] = written.removesuffix(place).strip()
    (project / f"src/{PACKAGE}/mine.py").write_text("MINE = 1\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Mine")
    for version in VERSIONS[1:]:
        cruft(project, "update", "--checkout", version, "--skip-apply-ask")
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", version)
        found, fresh = content(project), content(create(tmp_path / version, template, version))
        for name, line in added.items():
            assert line in found[name].decode(), (version, name)
            assert b"<<<<<<<" not in found[name], (version, name)
        assert found.pop(f"src/{PACKAGE}/mine.py") == b"MINE = 1\n"
        assert not list(project.rglob("*.rej"))
        other = {name for name in found.keys() | fresh.keys() if found.get(name) != fresh.get(name)}
        assert other <= set(EDITS), (version, other)  # all else is what the new version makes
