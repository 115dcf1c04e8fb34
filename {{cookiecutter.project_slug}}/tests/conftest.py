"""One small project for all tests: the starter's data, thinned, through every stage."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

os.environ["MPLBACKEND"] = "agg"
# The arrays are small: on a busy machine, threads wait for each other longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest
from heldout import config, figures
from omegaconf import DictConfig
from small import ARRAYS, OVERRIDES, STEP

from {{ cookiecutter.package_name }} import baseline, data, evaluate, export, report, train

ROOT = Path(__file__).parents[1]
figures.STYLE["figure.dpi"] = 30  # small pictures are drawn in less time


def settings(*overrides: str) -> DictConfig:
    """The project's configuration, with settings that make every stage fast."""
    fast = ["data=starter", "trainer=cpu", "bootstrap=20", "logger=[csv]", *OVERRIDES]
    return config.compose(*fast, *overrides, root=ROOT)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/prepared of the starter's complete dataset, in a folder of its own."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data.main(config.compose("data=starter", root=ROOT))
    return folder / "data/prepared"


@pytest.fixture(scope="session")
def project(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the whole pipeline has run on every STEP-th sample."""
    folder = tmp_path_factory.mktemp("project")
    copy_pages(folder)
    thinned = folder / "data/prepared"
    thinned.mkdir(parents=True)
    for name in ARRAYS:
        np.save(thinned / name, np.load(prepared / name, mmap_mode="r")[::STEP])
    samples = pd.read_parquet(prepared / "samples.parquet")[::STEP].reset_index(drop=True)
    samples.to_parquet(thinned / "samples.parquet", index=False)
    shutil.copy(prepared / "schema.json", thinned)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stages(settings())
    return folder


def copy_pages(folder: Path) -> None:
    """Copies everything that the stages read but the data."""
    for name in ("docs", "vendor", "src", "conf"):
        ignored = shutil.ignore_patterns(".venv", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("README.md", "mkdocs.yml", "portfolio.yaml", "pyproject.toml", "app.py"):
        shutil.copy(ROOT / name, folder / name)


def run_stages(cfg: DictConfig) -> None:
    """The whole pipeline behind `prepare`, in the working directory."""
    for stage in (baseline, train, export, evaluate, report):
        stage.main(cfg)


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project as the working directory."""
    monkeypatch.chdir(project)
    return project


@pytest.fixture(scope="session")
def site(project: Path) -> Path:
    """The built site; a warning is an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    subprocess.run(command, cwd=project, check=True)
    return project / "site"


@pytest.fixture(scope="session")
def app(project: Path) -> Iterator[ModuleType]:
    """app.py of the small project, imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.syspath_prepend(project)
        yield importlib.import_module("app")
