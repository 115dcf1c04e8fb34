"""Lays the starter over the project, makes the first commit, installs and runs. Standard library only."""

import os
import shutil
import subprocess
from pathlib import Path

STARTER, LICENSE, SETUP = (
    "{{ cookiecutter.starter }}",
    "{{ cookiecutter.license }}",
    "{{ cookiecutter.setup }}",
)
PACKAGE, SLUG = "{{ cookiecutter.package_name }}", "{{ cookiecutter.project_slug }}"


def overlay() -> None:
    """Copies the chosen starter and licence over the project and removes the others."""
    shutil.copytree(Path("starters", STARTER), Path(), dirs_exist_ok=True)
    shutil.copyfile(Path("licenses", LICENSE), Path("LICENSE"))
    shutil.rmtree("starters")
    shutil.rmtree("licenses")


def run(*command: str) -> bool:
    """Whether the command ended well; what it prints is shown."""
    print(f"\n$ {' '.join(command)}", flush=True)
    try:
        return subprocess.run(command).returncode == 0
    except (OSError, KeyboardInterrupt) as error:
        print(error)
        return False


def commit(message: str) -> bool:
    """Commits everything as the user; False without git or without a git identity."""
    if not shutil.which("git"):
        return False
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    steps = [["git", "add", "--all"], ["git", "commit", "--quiet", "--message", message]]
    if not Path(".git").exists():
        steps.insert(0, ["git", "-c", "init.defaultBranch=main", "init", "--quiet"])
    return all(subprocess.run(step, **quiet).returncode == 0 for step in steps)


def main() -> None:
    overlay()
    todo = []  # what the user has to do by hand, in order
    committed = commit("Generate the project")
    uv = os.environ.get("UV") or shutil.which("uv")  # uvx names itself in UV
    installed = SETUP != "files" and bool(uv) and run(uv, "sync")
    trained = SETUP == "train" and installed and run(uv, "run", "dvc", "repro")
    if installed and committed:
        commit("First run" if trained else "Lock the environment")
    if SETUP != "files" and not uv:
        todo.append("python -m pip install uv")
    if not installed:
        todo.append("uv sync")
    if not trained:
        todo.append("uv run dvc repro")
    if not committed:
        todo += ["git config --global user.name YOU && git config --global user.email YOU@EXAMPLE.COM"]
        todo += [
            "git init -b main" if not Path(".git").exists() else "",
            "git add -A && git commit -m 'First run'",
        ]
    todo = [line for line in todo if line]

    print(f"\n{SLUG} is ready." if not todo else f"\n{SLUG} is written. Still to do there:")
    for line in todo:
        print(f"  {line}")
    print(
        f"\n  cd {SLUG}\n"
        "  uv run python app.py       # the demo\n"
        "  uv run mkdocs serve        # the site with the article\n"
        "  uv run pytest              # the tests"
    )


if __name__ == "__main__":
    main()
