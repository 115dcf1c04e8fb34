"""Without git, uv or a network the hook writes the files and lists the commands to run later."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SLUG, TEMPLATE, bake, git

CLI = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", "--output-dir"]


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """An empty folder that is the whole PATH; a test adds tools to it."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("UV")
    return folder


def script(path: Path, text: str) -> None:
    """An executable Python script."""
    if os.name == "nt":
        pytest.skip("Windows does not run scripts by their first line")
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def test_without_git_and_uv(tools, tmp_path, capfd):
    project = bake(tmp_path, setup="train")
    output = capfd.readouterr().out
    assert "Project created. Next steps:" in output
    steps = ["# install git first", "git init -b main", "git add --all", "git commit", "python -m pip install uv"]
    positions = [output.index(f"\n  {step}") for step in [*steps, "uv sync", "uv run dvc repro"]]
    assert positions == sorted(positions)  # DVC needs a commit
    assert (project / "dvc.yaml").exists() and not (project / ".git").exists()


def test_without_git_nothing_is_trained(tools, tmp_path, capfd):
    script(tools / "uv", "")
    bake(tmp_path, setup="train")
    output = capfd.readouterr().out
    assert "$ " in output and output.count("dvc repro") == 1
    assert output.index("git commit") < output.index("uv run dvc repro")
    assert "\n  uv sync\n" not in output


@pytest.mark.parametrize("broken", ["sync", "run"])
def test_a_failed_step_is_listed_and_the_files_stay(tools, tmp_path, capfd, broken):
    script(tools / "git", "")
    script(tools / "uv", f"import sys; sys.exit(sys.argv[1] == {broken!r})")
    project = bake(tmp_path, setup="train")
    output = capfd.readouterr().out
    assert ("\n  uv sync\n" in output) == (broken == "sync")
    assert "\n  uv run dvc repro\n" in output
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
    output = capfd.readouterr().out
    assert "git config --global user.name" in output and "not committed" not in output
    assert "committed as Your Name, your-github-name@users.noreply.github.com." in output
    assert git(project, "log", "--format=%an, %cn <%ae>").splitlines() == [
        "Your Name, Your Name <your-github-name@users.noreply.github.com>"
    ]
    assert git(project, "status", "--porcelain") == ""


def test_a_git_identity_for_this_folder_only(tmp_path, monkeypatch, capfd):
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "at-work").write_text("[user]\nname = Grace\nemail = grace@example.org\n")
    (tmp_path / ".gitconfig").write_text(
        f'[user]\nuseConfigOnly = true\n[includeIf "gitdir:{tmp_path}/out/"]\npath = {tmp_path}/at-work\n'
    )
    project = bake(tmp_path / "out")
    assert git(project, "log", "--format=%an, %cn <%ae>") == "Grace, Grace <grace@example.org>\n"
    assert "git config --global" not in capfd.readouterr().out


@pytest.mark.parametrize("setup", ["install", "train"])
def test_setup_runs_its_commands_and_commits(tools, tmp_path, capfd, setup):
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


def cli(folder: Path, *answers: str, **env: str) -> subprocess.CompletedProcess:
    """The cookiecutter command in a process of its own."""
    line = [*CLI, str(folder), *answers]
    return subprocess.run(line, env={**os.environ, **env}, capture_output=True, text=True)


def test_a_full_disk_is_refused_in_one_line(disk):
    folder = disk("size=10m")
    done = cli(folder, "setup=files")
    assert done.returncode == 1
    assert f"{folder}: 10 MB free; the project needs 50" in done.stderr
    assert "Traceback" not in done.stderr and list(folder.iterdir()) == []


def test_a_disk_that_fills_up_leaves_a_usable_project(disk):
    folder = disk("size=60m")
    done = cli(folder, "setup=install")
    assert "No space left on device" in done.stderr + done.stdout
    assert "Project created. Next steps:" in done.stdout and "\n  uv sync\n" in done.stdout
    assert git(folder / SLUG, "log", "--format=%s") == "Generate the project\n"
    assert git(folder / SLUG, "--no-optional-locks", "status", "--porcelain") in ("", "?? uv.lock\n")


def test_a_folder_that_cannot_be_written_to(disk):
    """cookiecutter itself stops before the hook; its last line gives the reason."""
    folder = disk("size=60m,ro")
    done = cli(folder, "setup=files")
    assert done.returncode == 1 and "Unable to create directory" in done.stderr.splitlines()[-1]
    assert str(folder) in done.stderr.splitlines()[-1]


def test_a_failed_commit_keeps_the_configured_name(tmp_path, monkeypatch, capfd):
    for number, (key, value) in enumerate({"commit.gpgsign": "true", "gpg.program": "/nowhere"}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    bake(tmp_path)
    output = capfd.readouterr().out
    assert "Some files are not committed: " in output and "user.name" not in output and "git commit" in output


def test_without_a_network(tmp_path):
    done = cli(tmp_path, "setup=train", UV_OFFLINE="1", UV_CACHE_DIR=str(tmp_path / "cache"))
    assert "Project created. Next steps:" in done.stdout
    assert "\n  uv sync\n" in done.stdout and "\n  uv run dvc repro\n" in done.stdout
    assert (tmp_path / SLUG / "dvc.yaml").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals a group of processes")
@pytest.mark.parametrize("stage", ["commit", "sync", "run"])
def test_ctrl_c_leaves_a_usable_project(tools, tmp_path, stage):
    started = tmp_path / "started"
    for tool in ("uv", "git"):
        script(
            tools / tool,
            f"import sys, time\nif {stage!r} in sys.argv:\n    open({str(started)!r}, 'w')\n    time.sleep(60)",
        )
    line = [*CLI, str(tmp_path), "setup=train"]
    default = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # background jobs ignore SIGINT
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(line, start_new_session=True, **streams, **default)
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, _ = process.communicate(timeout=60)
    assert process.returncode
    assert "Project created. Next steps:" in output
    assert "\n  uv run dvc repro\n" in output and ("\n  uv sync\n" in output) == (stage != "run")
    assert ("\n  git commit" in output) == (stage == "commit")
    assert (tmp_path / SLUG / "dvc.yaml").exists() and not (tmp_path / SLUG / "starters").exists()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
