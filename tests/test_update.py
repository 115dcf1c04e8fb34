"""A project follows later versions of the template with `cruft update`, and the owner's edits survive."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from conftest import PACKAGE, SLUG, TEMPLATE, git

SOURCE = "{{cookiecutter.project_slug}}"
STARTER = f"{SOURCE}/starters/solar-cells"
EDITS = {  # file: text that its owner finds, and replaces
    "README.md": ("## Demo", "The sensors were moved in May; see the log of the plant.\n\n## Demo"),
    "conf/model/network.yaml": ("lr: 4e-4", "lr: 7e-4"),
    "docs/article.md": ("## ", "Nobody had asked the inspectors before.\n\n## "),
    "docs/blocks.md.j2": ("[% block claim %]", "[# Ours since May. #]\n[% block claim %]"),
    f"src/{PACKAGE}/evaluate.py": ('"""', '"""Second edition. '),
}
# Two later versions of the template as changes (file, old text, new text), some in files that the owner edited.
VERSIONS = [
    [
        (f"{STARTER}/conf/model/network.yaml", "epochs: 18", "epochs: 14"),
        (f"{SOURCE}/vendor/heldout/pyproject.toml", 'version = "1.0.0"', 'version = "1.1.0"'),
        (f"{SOURCE}/README.md", "## Reproduce\n", "## Reproduce\n\nThree commands do everything.\n"),
    ],
    [
        (f"{SOURCE}/vendor/heldout/pyproject.toml", 'version = "1.1.0"', 'version = "1.2.0"'),
        (f"{SOURCE}/docs/reproduce.md", "# Reproduce\n", "# Reproduce\n\nSee also the README.\n"),
    ],
]


def cruft(folder: Path, *words: str) -> None:
    """Runs cruft in an environment of its own."""
    line = [os.environ["UV"], "tool", "run", "--from", "cruft>=2.16,<3", "cruft", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def create(folder: Path, template: Path, version: str) -> Path:
    """The project that a version of the template generates, by the command in the template's README."""
    folder.mkdir()
    [words] = re.findall(r"`uvx cruft (create .*?) --output-dir", (TEMPLATE / "README.md").read_text(encoding="utf-8"))
    cruft(folder, *shlex.split(words), "--checkout", version, "--no-input", str(template))
    return folder / SLUG


def copy_template(folder: Path) -> Path:
    """A repository with the template as it is now, uncommitted changes included."""
    names = git(TEMPLATE, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in names:
        if name and (TEMPLATE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TEMPLATE / name, folder / name)
    git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
    commit(folder, "first")
    return folder


def commit(folder: Path, tag: str) -> None:
    """Commits everything and tags it."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", tag)
    git(folder, "tag", tag)


def content(project: Path) -> dict[str, bytes]:
    """Every committed file but cruft's own."""
    names = git(project, "ls-files").splitlines()
    return {name: (project / name).read_bytes() for name in names if name != ".cruft.json"}


def replace(path: Path, old: str, new: str) -> None:
    """Replaces the first occurrence of a text, which must exist."""
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_edits_survive_two_updates(tmp_path):
    template = copy_template(tmp_path / "template")
    project = create(tmp_path / "project", template, "first")
    own_lines = {}
    for name, (old, new) in EDITS.items():
        replace(project / name, old, new)
        own_lines[name] = new.removesuffix(old).strip()
    (project / f"src/{PACKAGE}/pumps.py").write_text("PUMPS = 1\n")
    commit(project, "edits")
    for number, changes in enumerate(VERSIONS, start=1):
        version = f"version-{number}"
        for name, old, new in changes:
            replace(template / name, old, new)
        commit(template, version)
        cruft(project, "update", "--checkout", version, "--skip-apply-ask")
        commit(project, version)
        updated, fresh = content(project), content(create(tmp_path / version, template, version))
        for name, line in own_lines.items():
            assert line in updated[name].decode(), (version, name)
            assert b"<<<<<<<" not in updated[name], (version, name)
        assert updated.pop(f"src/{PACKAGE}/pumps.py") == b"PUMPS = 1\n"
        assert not list(project.rglob("*.rej"))
        different = {name for name in updated.keys() | fresh.keys() if updated.get(name) != fresh.get(name)}
        assert different <= set(EDITS), (version, different)  # all other files are those of the new version
