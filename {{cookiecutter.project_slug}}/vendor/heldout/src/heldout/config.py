"""Hydra's decorator for pipeline stages, with errors in one line, and conf/ for own data."""

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
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from ruamel.yaml import YAML, RoundTripRepresenter, ScalarNode
from yaml import YAMLError

from .errors import InputError, atomic_write, disk_is_full

FULL_ERROR = "HYDRA_FULL_ERROR"
SHOW_TRACEBACK = FULL_ERROR in os.environ
CONF_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError)
KINDS = {  # of settings
    bool: "true or false",
    int: "a whole number from 0 to 2^32",  # as seeds
    float: "a number, 0 or more",
    str: "a text",
    list: "a list",
    dict: "a block of names and values",
}
OWN = Path("conf/data/own.yaml")

# The trainer if none is named; asking for the driver is faster than importing torch.
OmegaConf.register_new_resolver(
    "device",
    lambda: os.environ.get("TRAINER") or ("gpu" if shutil.which("nvidia-smi") else "cpu"),
    replace=True,
)


def choose(condition: Any, if_true: Any, if_false: Any) -> Any:
    """The resolver of ${if:${data.time},time,grouped}."""
    if condition:
        return if_true
    return if_false


OmegaConf.register_new_resolver("if", choose, replace=True)


def represent_null(representer: RoundTripRepresenter, value: None) -> ScalarNode:
    """null in YAML, where ruamel.yaml would write nothing."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


RoundTripRepresenter.add_representer(type(None), represent_null)


def stage(function: Callable[[DictConfig], Any]) -> Callable[..., Any]:
    """Decorates a stage's `main(cfg)`: Hydra's command line, and one line for a user's mistake.

    The settings are those in conf/ of the project to which the decorated function belongs. Called
    with a DictConfig, the stage runs on that. InputError and errors in conf/ end the process with
    "error: ..." and exit code 1; a mistake in the code keeps its traceback.
    """
    root = project_root(Path(inspect.getfile(function)))

    @functools.wraps(function)
    def run(cfg: DictConfig) -> Any:
        logging.getLogger().setLevel(logging.WARNING)
        if not SHOW_TRACEBACK:
            os.environ.pop(FULL_ERROR, None)
        try:
            check(cfg, root)
            return function(cfg)
        except InputError as error:
            sys.exit(f"error: {error}")
        except (UnicodeDecodeError, YAMLError) as error:
            sys.exit(f"error: {conf_error(error)}")
        except FileNotFoundError as error:
            sys.exit(f"error: {missing_file(error)}")
        except (OSError, RuntimeError) as error:  # RuntimeError: of torch.save
            if not disk_is_full():
                raise
            sys.exit(f"error: the disk is full ({error})")

    options = {"version_base": None, "config_path": str(root / "conf"), "config_name": "config"}
    command = hydra.main(**options)(run)

    @functools.wraps(function)
    def main(*cfg: DictConfig) -> Any:
        if not cfg and root in Path.cwd().parents:  # a command, not a call from Python
            sys.exit(f"error: run this in the project's folder: cd {root}")
        os.environ[FULL_ERROR] = "1"  # without it, Hydra prints several lines and exits by itself
        try:
            return command(*cfg)
        except CONF_ERRORS as error:
            sys.exit(f"error: {conf_error(error)}")

    return main


def project_root(path: Path | None = None) -> Path:
    """The closest folder above `path` (default: here) that has conf/config.yaml."""
    path = (path or Path.cwd()).resolve()
    for folder in (path, *path.parents):
        if (folder / "conf/config.yaml").exists():
            return folder
    raise InputError(f"{path}: no conf/config.yaml here or above; run this in a project's folder")


def compose(*overrides: str, root: Path | None = None) -> DictConfig:
    """The configuration that a stage gets with these overrides; InputError for a wrong one."""
    root = root or project_root()
    hydra.core.global_hydra.GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(root / "conf"), version_base=None):
            return hydra.compose("config", list(overrides))
    except CONF_ERRORS as error:
        raise InputError(conf_error(error)) from None


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


def conf_error(error: Exception) -> str:
    """An error of Hydra, OmegaConf or YAML in one line."""
    if isinstance(error, UnicodeDecodeError):
        for pattern in ("conf/**/*.yaml", "*.yaml", "*.md", "docs/*.md"):
            for path in Path().glob(pattern):
                if "\ufffd" in path.read_text(encoding="utf-8", errors="replace"):
                    return f"{path}: not UTF-8; save it as UTF-8"
        return "a file is not UTF-8; save it as UTF-8"
    if isinstance(error, OverrideParseException):
        name, is_pair, value = error.override.partition("=")
        if not is_pair:
            return f"{error.override}: write NAME=VALUE, as in seed=1"
        return f"{error.override}: quote the value, '{name}=\"{value}\"'"
    text = re.split(r"\nTo append|\s*Config search path|\nSee https|\s*full_key", str(error))[0]
    text = " ".join(text.split()).rstrip(".")
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {text}"
    return f"{text}; conf/ has every setting" if "Could not" in text else text


def missing_file(error: FileNotFoundError) -> str:
    """Names a missing file of the project and its remedy; other files keep the traceback."""
    name = str(error.filename or error)
    if Path(name).is_absolute() or "[Errno" in name:
        raise error
    if name.startswith(("data", "models", "reports")):
        return f"{name}: missing; make it with `uv run dvc repro`"
    return f"{name}: missing; bring it back with `git restore {name}`"


def check(cfg: DictConfig, root: Path) -> None:
    """InputError unless each setting is of the kind that conf/ has for it, and references resolve.

    A setting that is null in one of the files, or refers to another, takes anything. In `data`,
    numbers that may be names of columns or groups become text, as in data.target=2024.
    """
    try:
        settings = OmegaConf.to_container(cfg, resolve=True)
        defaults = default_kinds(root)
    except CONF_ERRORS as error:
        raise InputError(conf_error(error)) from None
    if not (cfg.data.get("starter") or cfg.data.get("path") or cfg.data.get("kaggle")):
        raise InputError("data=own: no data yet; give data.path=FILE or data.kaggle=NAME")
    for name, value in flatten(settings):
        kinds = defaults.get(name, {None, dict})  # a new setting takes anything
        is_data = re.fullmatch(r"data\.\w+", name) is not None
        if is_data and kinds <= {str, None} and type(value) in (int, float):
            OmegaConf.update(cfg, name, str(value))
        elif is_data and kinds == {list} and isinstance(value, list):
            OmegaConf.update(cfg, name, [str(item) for item in value])
        elif len(kinds) == 1 and not is_kind(value, *kinds):
            [kind] = kinds
            example = f", {name}=[{'' if value is None else value}]" if kind is list else ""
            raise InputError(f"{name}={value}: write {KINDS[kind]}{example}")


def default_kinds(root: Path) -> dict[str, set[type | None]]:
    """The types that each setting has in the files of conf/; None for null and references."""
    kinds = defaultdict(set)
    for path in (root / "conf").rglob("*.yaml"):
        content = OmegaConf.to_container(OmegaConf.load(path))
        if path.parent.name != "conf":
            content = {path.parent.name: content}
        for name, value in flatten(content):
            is_any = value is None or str(value).startswith("${")
            kinds[name].add(None if is_any else type(value))
            if float in kinds[name]:
                kinds[name].discard(int)
    return kinds


def flatten(block: dict[str, Any], parent: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of all settings in a block, and of the blocks in it."""
    for key, value in block.items():
        yield f"{parent}{key}", value
        if isinstance(value, dict):
            yield from flatten(value, f"{parent}{key}.")


def is_kind(value: Any, kind: type | None) -> bool:
    """Whether a setting is of a kind, None: any; numbers are finite, and 0 or more."""
    limits = {int: 2**32, float: math.inf}
    if kind in limits:
        return type(value) in (int, kind) and 0 <= value < limits[kind]
    return kind is None or isinstance(value, kind)


def record_own_data(data: DictConfig, sha256: str) -> None:
    """Writes the settings of own data that the command line gives into conf/.

    So `dvc repro` goes on with it. conf/data/own.yaml gets the settings, hash and date,
    conf/config.yaml chooses `data: own`; comments stay.
    """
    names = [name.removeprefix("data.") for name in overridden() if name.startswith("data.")]
    if data.starter or not names or not OWN.exists():
        return
    settings = OmegaConf.create(OmegaConf.to_container(data, resolve=True))
    if data.read:  # an earlier command named columns and a source, too
        for key, value in settings.items():
            if value and key not in (*names, "sha256", "read") and not OmegaConf.is_dict(value):
                print(f"kept from {OWN}: {key}={value}")
    values = OmegaConf.create()
    for name in names:
        OmegaConf.update(values, name, OmegaConf.select(settings, name))
    values.update({"sha256": sha256, "read": f"{datetime.now(UTC):%Y-%m-%d}"})
    edit_yaml(OWN, OmegaConf.to_container(values))
    edit_yaml(Path("conf/config.yaml"), {"defaults": {"data": "own"}})
    print("conf/ now names your data; next: uv run dvc repro")


def edit_yaml(path: Path, values: dict[str, Any]) -> None:
    """Sets values in a file; its comments and layout stay."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(path.read_text(encoding="utf-8"))
    update(content, values, yaml)
    text = io.StringIO()
    yaml.dump(content, text)
    atomic_write(path, text.getvalue())


def update(content: Any, values: dict[str, Any], yaml: YAML) -> None:
    """Sets values in place, block by block: a replaced block would lose its comments."""
    if isinstance(content, list):  # the defaults list: one choice per entry
        content = next(entry for entry in content if values.keys() <= set(entry))
    for key, value in values.items():
        if isinstance(value, dict) and content.get(key):
            update(content[key], value, yaml)
        else:  # as JSON: in quotes, or Hydra would read the text yes as true
            content[key] = yaml.load(json.dumps(value, ensure_ascii=False))
