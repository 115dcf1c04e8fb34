"""`heldout COMMAND`, run in a project's folder; its functions are those of [tool.heldout]."""

import pkgutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .config import user_errors
from .errors import InputError

COMMANDS = {  # name: (function, help)
    "crossvalidate": ("crossvalidate:main", "train on every fold; compare with the baseline"),
    "leakage": ("crossvalidate:leakage", "train on each split: does a random one overstate?"),
    "tune": ("tune:main", "search settings of the model on validation data"),
    "submit": ("kaggle:main", "write submission.csv; with a message, send it to Kaggle"),
    "remote": ("remote:main", "start | keep | finish | home: exchange data with a rented GPU"),
    "publish": ("publish:main", "space | static | model | article"),
}


def main() -> None:
    """Runs the command; a user's mistake gets one line and exit code 1."""
    command, *words = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        lines = [f"  {name:<14} {text}" for name, (_, text) in COMMANDS.items()]
        print("heldout COMMAND [SETTING=VALUE ...]", *lines, sep="\n")
        return
    with user_errors():
        if command not in COMMANDS:
            raise InputError(f"{command}: choose from {', '.join(COMMANDS)}")
        if not (Path("pyproject.toml").exists() and Path("conf/config.yaml").exists()):
            raise InputError("run this in a project's folder, with pyproject.toml and conf/")
        sys.path.insert(0, str(Path("src").resolve()))
        pkgutil.resolve_name(f"heldout.{COMMANDS[command][0]}")(words)


def project_function(name: str) -> Callable[..., Any]:
    """The function that [tool.heldout] of ./pyproject.toml names, as NAME = "module:function"."""
    tools = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    path = tools.get("heldout", {}).get(name, "")
    if ":" not in path:
        raise InputError(f'pyproject.toml: [tool.heldout]: write {name} = "module:function"')
    try:
        return pkgutil.resolve_name(path)
    except (ModuleNotFoundError, AttributeError) as error:
        if error.name and error.name in path:  # else of the project's own code
            message = f"pyproject.toml: [tool.heldout]: {name} = {path}: {error}"
            raise InputError(message) from None
        raise
