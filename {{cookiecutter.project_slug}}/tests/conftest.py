"""One small project for all tests: real data, thinned, through every stage. kind.py knows what data it is."""

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import browser
import kind
import numpy as np
import pandas as pd
import pytest
from browser import address, chromium, page  # noqa: F401  fixtures
from gradio_client import Client
from omegaconf import DictConfig

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["MPLBACKEND"] = "agg"

from {{ cookiecutter.package_name }} import (
    baseline,
    config,
    dataset,
    evaluate,
    export,
    fetch,
    leak,
    prepare,
    report,
    train,
)

ROOT = Path(__file__).parents[1]
SMALL = ["data=starter", *kind.SMALL, "trainer=cpu", "bootstrap=20", "logger=[csv]"]


def settings(*overrides: str) -> DictConfig:
    """The project's configuration with the starter's data, made small."""
    return config.compose(*SMALL, *overrides)


def copy_pages(folder: Path) -> None:
    """Copies what `report` writes into and `publish` reads."""
    for name in ("docs", "overrides", "src", "README.md", "mkdocs.yml", "app.py", "portfolio.yaml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)


def run_stages(*overrides: str) -> None:
    """Every stage after `prepare`, in the working directory."""
    for stage in (baseline, train, leak, export, evaluate, report):
        quick = ["model=frozen"] if stage is leak else []
        stage.main(settings(*quick, *overrides))


def refused(message: str, *overrides: str) -> None:
    """`prepare` ends with one line that matches, and data/prepared is as it was."""
    before = fetch.digest(dataset.FOLDER)
    with pytest.raises(SystemExit, match=message) as error:
        prepare.main(config.compose(*overrides))
    assert str(error.value).startswith("error: ") and "\n" not in str(error.value)
    assert fetch.digest(dataset.FOLDER) == before
    assert not dataset.FOLDER.with_suffix(".new").exists()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/prepared of the starter's whole data set, in a folder of its own."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare.main(config.compose("data=starter"))
    return folder / "data/prepared"


@pytest.fixture(scope="session")
def project(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the whole pipeline has run on few samples."""
    folder = tmp_path_factory.mktemp("project")
    copy_pages(folder)
    few = folder / "data/prepared"
    few.mkdir(parents=True)
    for name in ("x.npy", "y.npy"):
        np.save(few / name, np.load(prepared / name, mmap_mode="r")[:: kind.EVERY])
    samples = pd.read_parquet(prepared / "samples.parquet")[:: kind.EVERY].reset_index(drop=True)
    samples.to_parquet(few / "samples.parquet", index=False)
    shutil.copy(prepared / "schema.json", few)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stages()
    return folder


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the working directory."""
    monkeypatch.chdir(project)
    return project


@pytest.fixture(scope="session")
def site(project: Path) -> Path:
    """The site of the project, built without a warning."""
    return browser.build(project)


@pytest.fixture(scope="session")
def module(project: Path) -> Iterator[ModuleType]:
    """app.py of the project, imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.syspath_prepend(project)
        yield importlib.import_module("app")


@pytest.fixture(scope="session")
def app(module: ModuleType) -> Iterator[Client]:
    """A client of the running demo."""
    _, url, _ = module.demo.launch(prevent_thread_lock=True, quiet=True, **module.serving.START)
    yield Client(url, verbose=False)
    module.demo.close()
