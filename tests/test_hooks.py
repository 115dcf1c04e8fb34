"""Without git, uv or the network the files are still there, and the hook says what to run later."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, bake


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A PATH on which only the tools named by the test exist."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("UV")
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def test_without_git_and_uv(tools, tmp_path, capfd):
    project = bake(tmp_path, setup="train")
    said = capfd.readouterr().out
    assert "Still to do" in said
    for step in ("python -m pip install uv", "uv sync", "uv run dvc repro", "git init"):
        assert step in said
    assert (project / "dvc.yaml").exists() and not (project / ".git").exists()


@pytest.mark.parametrize("broken", ["sync", "run"])
def test_a_step_that_fails_is_named_and_the_files_stay(tools, tmp_path, capfd, broken):
    script(tools / "uv", f"import sys; sys.exit(sys.argv[1] == {broken!r})")
    project = bake(tmp_path, setup="train")
    said = capfd.readouterr().out
    assert ("\n  uv sync\n" in said) == (broken == "sync")
    assert "\n  uv run dvc repro\n" in said
    assert (project / "README.md").exists() and not (project / "starters").exists()


def test_without_a_git_identity(tmp_path, monkeypatch, capfd):
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("EMAIL", "")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    project = bake(tmp_path / "out")
    said = capfd.readouterr().out
    assert "git config --global user.name" in said and "git commit" in said
    assert (project / ".git").exists()


@pytest.mark.parametrize("setup", ["install", "train"])
def test_setup_runs_what_it_says_and_commits(tools, tmp_path, capfd, setup):
    log = tmp_path / "log"
    script(
        tools / "uv",
        f"import sys; open({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\nopen('uv.lock', 'a').write('x')",
    )
    git = next(p for p in (Path("/usr/bin/git"), Path("/usr/local/bin/git"), Path("/bin/git")) if p.exists())
    (tools / "git").symlink_to(git)
    project = bake(tmp_path, setup=setup)
    assert log.read_text().splitlines() == ["sync"] + ["run dvc repro"] * (setup == "train")
    assert ("is ready" in capfd.readouterr().out) == (setup == "train")
    assert subprocess.run([git, "status", "--porcelain"], cwd=project, capture_output=True).stdout == b""


def test_hooks_use_the_standard_library_only():
    for path in (TEMPLATE / "hooks").glob("*.py"):
        for line in path.read_text().splitlines():
            if line.startswith(("import ", "from ")):
                assert line.split()[1].split(".")[0] in sys.stdlib_module_names, line
