"""Copies the chosen starter into the project, commits, installs and runs. Standard library only."""

import os
import shutil
import subprocess
from pathlib import Path

STARTER, ROLE, LICENSE, SETUP = (
    "{{ cookiecutter.starter }}",
    "{{ cookiecutter.target_role }}",
    "{{ cookiecutter.license }}",
    "{{ cookiecutter.setup }}",
)
INTERRUPTED = "interrupted"
SLUG = "{{ cookiecutter.project_slug }}"
NAME, EMAIL = "{{ cookiecutter.author_name }}", "{{ cookiecutter.github_username }}@users.noreply.github.com"


def overlay() -> None:
    """Copies the chosen starter, role and licence over the project and removes the others."""
    for folder in (Path("starters", STARTER), Path("roles", ROLE)):
        if folder.exists():
            shutil.copytree(folder, Path(), dirs_exist_ok=True)
    shutil.copyfile(Path("licenses", LICENSE), Path("LICENSE"))
    for folder in ("starters", "roles", "licenses"):
        shutil.rmtree(folder)


def run(*command: str) -> bool:
    """Runs a command and shows its output; True if it succeeded."""
    print(f"\n$ {' '.join(command)}", flush=True)
    try:
        return subprocess.run(command).returncode == 0
    except (OSError, KeyboardInterrupt) as error:
        print(error)
        return False


def git(*words: str) -> bool:
    return subprocess.run(["git", *words], capture_output=True).returncode == 0


def missing_identity() -> dict[str, str]:
    """Name and e-mail from the answers, where git has none configured for this repository."""
    try:
        if git("var", "GIT_AUTHOR_IDENT") and git("var", "GIT_COMMITTER_IDENT"):
            return {}
        identity = {"user.name": NAME, "user.email": EMAIL}
        return {key: value for key, value in identity.items() if not git("config", key)}
    except OSError:
        return {}


def commit(message: str) -> str:
    """Commits everything; returns an empty text, or the reason why git could not."""
    steps = [["add", "--all"], ["commit", "--quiet", "--message", message]]
    if not Path(".git").exists():
        steps.insert(0, ["-c", "init.defaultBranch=main", "init", "--quiet"])
    for step in steps:
        identity = [word for key, value in missing_identity().items() for word in ("-c", f"{key}={value}")]
        try:
            result = subprocess.run(["git", *identity, *step], capture_output=True, text=True)
        except OSError:
            return "git is missing"
        except KeyboardInterrupt:
            return INTERRUPTED
        if result.returncode:
            return (result.stderr.strip() or "git failed").splitlines()[-1]
    return ""


def main() -> None:
    overlay()
    trouble = commit("Generate the project")
    committed = not trouble
    uv = os.environ.get("UV") or shutil.which("uv")  # uvx names itself in UV
    installed = SETUP != "files" and bool(uv) and trouble != INTERRUPTED and run(uv, "sync")
    trained = SETUP == "train" and installed and committed and run(uv, "run", "dvc", "repro")  # DVC needs a commit
    if installed and committed:
        trouble = commit("First run" if trained else "Lock the environment")

    todo = []  # commands left for the user, in order
    if not committed:
        todo += [] if shutil.which("git") else ["# install git first: https://git-scm.com/downloads"]
        todo += [] if Path(".git").exists() else ["git init -b main"]
        todo += ["git add --all", 'git commit -m "Generate the project"']
    if SETUP != "files" and not uv:
        todo.append("python -m pip install uv")
    if not installed:
        todo.append("uv sync")
    if not trained:
        todo.append("uv run dvc repro")
    if trouble and committed:
        todo += ["git add --all", 'git commit -m "First run"']
    print(f"\n{SLUG} is ready." if not todo else "\nProject created. Next steps:")
    here = str(Path.cwd())
    print("\n  cd", f'"{here}"' if " " in here else here)
    for line in todo:
        print(f"  {line}")
    if trouble:
        print(f"\nSome files are not committed: {trouble}")
    elif unknown := missing_identity():
        print(f"\nGit has no identity; committed as {', '.join(unknown.values())}. Set yours before the next commit:")
        for key in unknown:
            print(f"  git config --global {key} {key.removeprefix('user.').upper()}")
    print("\nThen:" if todo else "")
    print(
        "  uv run python app.py       # the demo\n"
        "  uv run mkdocs serve        # the site with the article\n"
        "  uv run pytest              # the tests\n"
        "  uv run pre-commit install  # refuses commits with keys or tokens"
    )


if __name__ == "__main__":
    main()
