"""Reads conf/: `@config.main` turns a stage into a command that takes Hydra overrides."""

import functools
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

CONF = "../../conf"

# The trainer to use when none is named; asking the driver is faster than importing torch.
OmegaConf.register_new_resolver(
    "device", lambda: "gpu" if shutil.which("nvidia-smi") else "cpu", replace=True
)

OmegaConf.register_new_resolver("if", lambda given, then, other: then if given else other, replace=True)


class BadInput(ValueError):
    """What is wrong with a file, row, column or setting, and what would be right, in one line."""


def main(stage: Callable[[DictConfig], float | None]) -> Callable[..., float | None]:
    """A Hydra command line around `stage`; bad input ends it with one line and exit code 1."""

    @functools.wraps(stage)
    def run(cfg: DictConfig) -> float | None:
        logging.getLogger().setLevel(logging.WARNING)
        try:
            return stage(cfg)
        except BadInput as error:
            sys.exit(f"error: {error}")

    return hydra.main(version_base=None, config_path=CONF, config_name="config")(run)


def compose(*overrides: str) -> DictConfig:
    """The configuration that the command line would get with these overrides."""
    folder = (Path(__file__).parent / CONF).resolve()
    with hydra.initialize_config_dir(str(folder), version_base=None):
        return hydra.compose("config", list(overrides))


def replace(new: Path, old: Path) -> None:
    """Puts the finished file or folder `new` where `old` was, so that no half of it is ever read."""
    if old.is_dir():
        shutil.rmtree(old)
    new.replace(old)
