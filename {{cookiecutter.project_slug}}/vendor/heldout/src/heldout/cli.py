"""`heldout COMMAND`, run in a project's folder; its functions are those of [tool.heldout]."""

import importlib
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import InputError

COMMANDS = {  # name: (module, function, help)
    "crossvalidate": ("crossvalidate", "main", "train on every fold; compare with the baseline"),
    "leakage": ("crossvalidate", "leakage", "train on each split: does a random one overstate?"),
    "tune": ("tune", "main", "search settings of the model on validation data"),
    "submit": ("kaggle", "main", "write submission.csv; with a message, send it to Kaggle"),
    "remote": ("remote", "main", "start | keep | finish | home: exchange data with a rented GPU"),
    "publish": ("publish", "main", "space | static | model | article"),
}


def main() -> None:
    """Runs the command; a user's mistake gets one line and exit code 1."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        lines = [f"  {name:<14} {text}" for name, (_, _, text) in COMMANDS.items()]
        print("heldout COMMAND [SETTING=VALUE ...]", *lines, sep="\n")
        return
    try:
        if words[0] not in COMMANDS:
            raise InputError(f"{words[0]}: choose from {', '.join(COMMANDS)}")
        module, function, _ = COMMANDS[words[0]]
        if not (Path("pyproject.toml").exists() and Path("conf/config.yaml").exists()):
            raise InputError("run this in a project's folder, with pyproject.toml and conf/")
        sys.path.insert(0, str(Path("src").resolve()))
        getattr(importlib.import_module(f"heldout.{module}"), function)(words[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        from .config import missing_file

        sys.exit(f"error: {missing_file(error)}")


def project_function(name: str) -> Callable[..., Any]:
    """The function that [tool.heldout] of ./pyproject.toml names, as NAME = "module:function"."""
    table = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    path = str(table.get("heldout", {}).get(name, ""))
    module, _, function = path.partition(":")
    if not function:
        raise InputError(f'pyproject.toml: [tool.heldout]: write {name} = "module:function"')
    try:
        return getattr(importlib.import_module(module), function)
    except (ModuleNotFoundError, AttributeError) as error:
        if getattr(error, "name", None) not in (module, module.split(".")[0], function):
            raise  # of the project's own code
        raise InputError(f"pyproject.toml: [tool.heldout]: {name} = {path}: {error}") from None
