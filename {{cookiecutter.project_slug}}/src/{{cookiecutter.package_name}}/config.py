"""Reads conf/: `@config.main` turns a stage into a command that takes Hydra overrides."""

import contextlib
import functools
import logging
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

CONF, FULL = "../../conf", "HYDRA_FULL_ERROR"
PROJECT = Path(__file__).resolve().parents[2]
ASKED = FULL in os.environ  # by who wants to see all of an error

# The trainer to use when none is named; asking for the driver is faster than importing torch.
OmegaConf.register_new_resolver(
    "device",
    lambda: os.environ.get("TRAINER") or ("gpu" if shutil.which("nvidia-smi") else "cpu"),
    replace=True,
)

OmegaConf.register_new_resolver("if", lambda given, then, other: then if given else other, replace=True)


TEXTS = [f"data.{key}" for key in ("path", "kaggle", "target", "id", "group", "time", "series", "label")]
# Settings that count something, and the least that makes sense.
COUNTS = {"seed": 0, "bootstrap": 2, "bins": 1, "folds": 3, "tune.trials": 1}
COUNTS |= {"data.draws": 1, "data.split_seed": 0}
COUNTS |= {f"model.{key}": 1 for key in ("batch", "epochs", "members", "patch", "size")}
COUNTS |= {f"model.{key}": 0 for key in ("blocks", "embedding", "freeze", "hidden", "layers", "width")}
# Settings from 0 on, and what they stay below.
AMOUNTS = dict.fromkeys(("model.lr", "model.weight_decay", "model.mixup", "data.cost.miss"), math.inf)
AMOUNTS |= {"data.cost.false_alarm": math.inf, "data.cost.error": math.inf}
AMOUNTS |= {"data.limit.share": 1, "model.dropout": 1}
BLOCKS = ("data.cost", "data.limit", "data.baselines", "data.story", "tune.search")
ERRORS = (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError)  # what is wrong in conf/


class BadInput(ValueError):
    """What is wrong with a file, row, column or setting, and what would be right, in one line."""


def main(stage: Callable[[DictConfig], float | None]) -> Callable[..., float | None]:
    """A Hydra command line around `stage`; bad input ends it with one line and exit code 1."""

    @functools.wraps(stage)
    def run(cfg: DictConfig) -> float | None:
        logging.getLogger().setLevel(logging.WARNING)
        if not ASKED:
            os.environ.pop(FULL, None)
        try:
            if PROJECT in Path.cwd().parents:
                raise BadInput(f"run this in the project's folder: cd {PROJECT}")
            check(cfg)
            return stage(cfg)
        except BadInput as error:
            sys.exit(f"error: {error}")
        except (UnicodeDecodeError, YAMLError) as error:
            sys.exit(f"error: {complaint(error)}")
        except FileNotFoundError as error:
            name = str(error.filename or error)
            if Path(name).is_absolute() or "[Errno" in name:
                raise
            made = name.startswith(("data", "models", "reports"))
            how = "`uv run dvc repro` makes" if made else "`git restore` brings back"
            sys.exit(f"error: {name}: missing; {how} what a stage needs")
        except OSError as error:
            if shutil.disk_usage(".").free > 1 << 20:
                raise
            sys.exit(f"error: the disk is full ({error})")

    start = hydra.main(version_base=None, config_path=CONF, config_name="config")(run)

    @functools.wraps(stage)
    def command(*given: DictConfig) -> float | None:
        sys.argv[1:] = [word if given else quoted(word) for word in sys.argv[1:]]
        os.environ[FULL] = "1"  # else Hydra prints what is wrong with a setting itself, in several lines
        try:
            return start(*given)
        except ERRORS as error:
            sys.exit(f"error: {complaint(error)}")

    return command


def complaint(error: Exception) -> str:
    """What Hydra says of a setting or of a file in conf/, in one line."""
    said = re.split(r"\nTo append|\s*Config search path|\nSee https|\s*full_key", str(error))[0]
    said = " ".join(said.split()).rstrip(".")
    if isinstance(error, UnicodeDecodeError):
        files = [p for form in ("conf/**/*.yaml", "*.yaml", "*.md", "docs/*.md") for p in Path().glob(form)]
        wrong = (path for path in files if "\ufffd" in path.read_text(encoding="utf-8", errors="replace"))
        return f"{next(wrong, 'a file')}: not UTF-8; save it as UTF-8"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: {said if '=' in error.override else 'write NAME=VALUE, as in seed=1'}"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {said}"
    return f"{said}; conf/ has every setting" if "Could not" in said else said


def check(cfg: DictConfig) -> None:
    """BadInput unless references lead somewhere, and what counts is a whole number and large enough."""
    try:
        OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        raise BadInput(complaint(error)) from None
    if not (cfg.data.get("starter") or cfg.data.get("path") or cfg.data.get("kaggle")):
        raise BadInput("data=own: nothing is prepared yet; give prepare data.path=FILE or data.kaggle=NAME")
    for key in BLOCKS:
        if not OmegaConf.is_dict(value := OmegaConf.select(cfg, key) or OmegaConf.create()):  # null: unused
            raise BadInput(f"{key}={value}: give a block of names and values")
    for key, least in COUNTS.items():
        value = OmegaConf.select(cfg, key, default=least)
        if type(value) is not int or not least <= value < 2**32:  # as far as seeds go
            raise BadInput(f"{key}={value}: give a whole number, {least} or more, below 2^32")
    for key, most in AMOUNTS.items():
        value = OmegaConf.select(cfg, key, default=0)
        if not isinstance(value, int | float) or not 0 <= value < most:
            raise BadInput(f"{key}={value}: give a number, 0 or more{' and below 1' if most == 1 else ''}")
    ratios = OmegaConf.select(cfg, "data.cost.ratios", default=[])
    if isinstance(ratios, int | float | str):
        raise BadInput(f"data.cost.ratios={ratios}: write a list, data.cost.ratios=[{ratios}]")
    if OmegaConf.select(cfg, "data.limit.of", default="all") not in ("all", "negatives"):
        raise BadInput(f"data.limit.of={cfg.data.limit.of}: choose of all, negatives")


def quoted(word: str) -> str:
    """The override with its value in quotes if Hydra cannot read it, or takes a name for a number.

    As in `data.target=kWh (total)` and `data.target=2024`.
    """
    key, _, value = word.partition("=")
    try:
        found = OverridesParser.create().parse_override(word).value()
        named = key in TEXTS and isinstance(found, int | float)
    except HydraException:
        named = key.startswith("data.") and bool(value)
    if not named:
        return word

    def quote(text: str) -> str:
        return f"'{text.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'"

    if value.startswith("[") and value.endswith("]") and key not in TEXTS:
        return f"{key}=[{','.join(quote(name.strip()) for name in value[1:-1].split(','))}]"
    return f"{key}={quote(value)}"


def compose(*overrides: str) -> DictConfig:
    """The configuration that the command line would get with these overrides, or BadInput."""
    try:
        with hydra.initialize_config_dir(str(PROJECT / "conf"), version_base=None):
            return hydra.compose("config", list(overrides))
    except ERRORS as error:
        raise BadInput(complaint(error)) from None


def write(path: Path, text: str) -> None:
    """Writes a file with the same bytes on every system; no half of it is ever read."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8", newline="\n")
    replace(new, path)


@contextlib.contextmanager
def making(target: Path) -> Iterator[Path]:
    """A new path for what becomes `target` at the end; what a kill left of it goes first."""
    folder = target.with_name(f".new-{target.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder / target.name
        replace(folder / target.name, target)
    finally:
        shutil.rmtree(folder)


def replace(new: Path, old: Path) -> None:
    """Puts the finished file or folder `new` where `old` was, so that no half of it is ever read."""
    aside = old.with_name(f".old-{old.name}")
    shutil.rmtree(aside, ignore_errors=True)
    if old.is_dir():
        old.rename(aside)
    new.replace(old)
    shutil.rmtree(aside, ignore_errors=True)
