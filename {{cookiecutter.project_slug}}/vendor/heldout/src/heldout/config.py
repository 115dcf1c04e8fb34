"""Hydra's decorator for pipeline stages, with errors in one line, and conf/ for own data."""

import contextlib
import difflib
import functools
import inspect
import io
import json
import logging
import math
import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from ruamel.yaml import YAML, RoundTripRepresenter
from yaml import YAMLError

from .errors import InputError, atomic_write, disk_is_full

CONFIG, OWN = Path("conf/config.yaml"), Path("conf/data/own.yaml")
TEXT_FILES = ("conf/**/*.yaml", "*.yaml", "*.md", "docs/*.md")
KINDS = {  # of settings, besides numbers
    bool: "true or false",
    str: "a text",
    list: "a list",
    dict: "a block of names and values",
}

# The trainer if none is named; asking for the driver is faster than importing torch.
OmegaConf.register_new_resolver(
    "device",
    lambda: os.environ.get("TRAINER") or ("gpu" if shutil.which("nvidia-smi") else "cpu"),
    replace=True,
)
# ${if:${data.time},time,grouped}
OmegaConf.register_new_resolver(
    "if",
    lambda condition, if_true, if_false: if_true if condition else if_false,
    replace=True,
)
# null in YAML, where ruamel.yaml would write nothing
RoundTripRepresenter.add_representer(
    NoneType,
    lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
)


def stage(function: Callable[[DictConfig], Any]) -> Callable[..., Any]:
    """Decorates a stage's `main(cfg)`: Hydra's command line, and one line for a user's mistake.

    The settings are those in conf/ of the project to which the decorated function belongs. Called
    with a DictConfig, the stage runs on that. Errors: as of `user_errors`.
    """
    root = project_root(Path(inspect.getfile(function)))

    @functools.wraps(function)
    def run(cfg: DictConfig) -> Any:
        logging.getLogger().setLevel(logging.WARNING)
        with user_errors():  # here, for Hydra adds a line to an error that reaches it
            check(cfg, root)
            return function(cfg)

    command = hydra.main(str(root / "conf"), "config", version_base=None)(run)

    @functools.wraps(function)
    def main(*cfg: DictConfig) -> Any:
        with user_errors():
            if not cfg and root in Path.cwd().parents:  # a command, not a call from Python
                raise InputError(f"run this in the project's folder: cd {root}")
            # without it, Hydra prints several lines and exits by itself
            os.environ["HYDRA_FULL_ERROR"] = "1"
            return command(*cfg)

    return main


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Ends the process with "error: ..." and exit code 1 for a mistake of the user.

    These are InputError, errors in conf/, missing files of the project, and a full disk. A mistake
    in the code keeps its traceback.
    """
    try:
        yield
    except Exception as error:
        if line := explanation(error):
            sys.exit(f"error: {line}")
        raise


def explanation(error: Exception) -> str | None:
    """One line about a mistake of the user; None for one in the code."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        paths = [path for pattern in TEXT_FILES for path in Path().glob(pattern)]
        broken = [path for path in paths if "\ufffd" in path.read_text("utf-8", "replace")]
        return f"{next(iter(broken), 'a file')}: not UTF-8; save it as UTF-8"
    if isinstance(error, OverrideParseException):
        name, _, value = error.override.partition("=")
        if not value:
            return f"{error.override}: write NAME=VALUE, as in seed=1"
        return f"{error.override}: quote the value, '{name}=\"{value}\"'"
    if isinstance(error, HydraException | OmegaConfBaseException | YAMLError):
        # without the hints that follow
        text = re.split(r"\nTo append|\s*Config search path|\nSee https|\s*full_key", str(error))[0]
        text = " ".join(text.split()).rstrip(".")
        if name := getattr(error, "full_key", None):
            return f"{name}: {text}"
        if unknown := re.match(r"Could not override '(.+?)'", text):
            similar = difflib.get_close_matches(unknown[1], default_values(Path()), n=1)
            hint = f"do you mean {similar[0]}?" if similar else "conf/ has every setting"
            return f"{unknown[1]}: no such setting; {hint}"
        return f"{text}; conf/ has every setting" if "Could not" in text else text
    if isinstance(error, FileNotFoundError):
        name = str(error.filename or error)
        if name.startswith(("data", "models", "reports")):
            return f"{name}: missing; make it with `uv run dvc repro`"
        if not Path(name).is_absolute() and "[Errno" not in name:
            return f"{name}: missing; bring it back with `git restore {name}`"
    elif isinstance(error, OSError | RuntimeError) and disk_is_full():  # RuntimeError: torch.save
        return f"the disk is full ({error})"
    return None


def project_root(path: Path | None = None) -> Path:
    """The closest folder above `path` (default: here) that has conf/config.yaml."""
    path = (path or Path.cwd()).resolve()
    for folder in (path, *path.parents):
        if (folder / "conf/config.yaml").exists():
            return folder
    raise InputError(f"{path}: no conf/config.yaml here or above; run this in a project's folder")


def compose(*overrides: str, root: Path | None = None) -> DictConfig:
    """The configuration that a stage gets with these overrides, unchecked."""
    root = root or project_root()
    hydra.core.global_hydra.GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(root / "conf"), version_base=None):
        return hydra.compose("config", list(overrides))


def output_dir(default: str = "models") -> Path:
    """Where a stage writes: the folder of its run in a sweep (`-m`), else `default`."""
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        return Path(HydraConfig.get().runtime.output_dir)
    return Path(default)


def overrides_given() -> list[str]:
    """The overrides on the command line of this stage."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def overridden() -> list[str]:
    """The names of the settings that the command line of this stage overrides."""
    return [override.split("=")[0].lstrip("+") for override in overrides_given()]


def check(cfg: DictConfig, root: Path) -> None:
    """InputError unless each setting is of the kind that conf/ has for it, and references resolve.

    A setting that is null in one of the files, or refers to another, takes anything. In `data`,
    numbers that may be names of columns or groups become text, as in data.target=2024, and null
    takes back a text.
    """
    settings, defaults = OmegaConf.to_container(cfg, resolve=True), default_values(root)
    if not (cfg.data.get("starter") or cfg.data.get("path") or cfg.data.get("kaggle")):
        raise InputError("data=own: no data yet; give data.path=FILE or data.kaggle=NAME")
    for name, value in flatten(settings):
        kinds = {type(default) for default in defaults[name]}
        is_data = re.fullmatch(r"data\.\w+", name) is not None
        needed = name in ("data.split", "data.label")
        if is_data and kinds <= {str, NoneType} and value is None and not needed:
            continue  # takes back what a command recorded, such as data.sha256=null
        if is_data and kinds and kinds <= {str, NoneType} and type(value) in (int, float):
            OmegaConf.update(cfg, name, str(value))
        elif is_data and kinds == {list} and isinstance(value, list):
            OmegaConf.update(cfg, name, [str(item) for item in value])
        elif remedy := expected_kind(name, value, defaults[name]):
            raise InputError(f"{name}={value}: write {remedy}")


def default_values(root: Path) -> dict[str, list[Any]]:
    """The values that each setting has in the files of conf/; None for references."""
    values = defaultdict(list)
    for path in (root / "conf").rglob("*.yaml"):
        content = OmegaConf.to_container(OmegaConf.load(path))
        if path.parent.name != "conf":
            content = {path.parent.name: content}
        for name, value in flatten(content):
            values[name].append(None if str(value).startswith("${") else value)
    return values


def flatten(block: dict[str, Any], parent: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of all settings in a block, and of the blocks in it."""
    for key, value in block.items():
        yield f"{parent}{key}", value
        if isinstance(value, dict):
            yield from flatten(value, f"{parent}{key}.")


def expected_kind(name: str, value: Any, defaults: list[Any]) -> str | None:
    """What to write if a setting is not of the one kind of its defaults; None if it is right.

    Numbers are finite, and 0 or more; a whole number is 1 or more if no default is 0.
    """
    kinds = {type(default) for default in defaults}
    if kinds in ({float}, {int, float}):
        is_right = type(value) in (int, float) and 0 <= value < math.inf
        return None if is_right else "a number, 0 or more"
    if kinds == {int}:
        # model.freeze=0 trains all layers
        lowest = 0 if name == "model.freeze" else min(1, *defaults)
        is_right = type(value) is int and lowest <= value < 2**32  # as seeds
        return None if is_right else f"a whole number from {lowest} to 2^32"
    kind, *others = kinds or {NoneType}  # a new setting takes anything
    if others or kind is NoneType or isinstance(value, kind):
        return None
    example = f", {name}=[{'' if value is None else value}]" if kind is list else ""
    return f"{KINDS[kind]}{example}"


def record_own_data(data: DictConfig, sha256: str) -> None:
    """Writes the settings of own data that the command line gives into conf/.

    So `dvc repro` goes on with it. conf/data/own.yaml gets the settings, hash and date,
    conf/config.yaml chooses `data: own`; comments stay.
    """
    names = [name.removeprefix("data.") for name in overridden() if name.startswith("data.")]
    if data.starter or not names or not OWN.exists():
        return
    settings = dict(flatten(OmegaConf.to_container(data, resolve=True)))
    settings |= {"sha256": sha256, "read": f"{datetime.now(UTC):%Y-%m-%d}"}
    edit_yaml(OWN, {name: settings[name] for name in (*names, "sha256", "read")})
    choices = CONFIG.read_text(encoding="utf-8")
    # as long as before, so that comments stay aligned
    own = re.sub(r"\bdata: *\w+", lambda old: "data: own".ljust(len(old[0])), choices, count=1)
    atomic_write(CONFIG, own)
    print("conf/ now names your data; next: uv run dvc repro")


def edit_yaml(path: Path, values: dict[str, Any]) -> None:
    """Sets values of a file by their dotted names; its comments and layout stay."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(path.read_text(encoding="utf-8"))
    for name, value in values.items():
        *parents, key = name.split(".")
        block = content
        for parent in parents:
            block = block.setdefault(parent, {})
        # as JSON: in quotes, or Hydra would read the text yes as true
        block[key] = yaml.load(json.dumps(value, ensure_ascii=False))
    text = io.StringIO()
    yaml.dump(content, text)
    atomic_write(path, text.getvalue())
