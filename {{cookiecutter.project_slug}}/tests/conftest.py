"""One small project for all tests: real photos, few and scaled down, through every stage."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["MPLBACKEND"] = "agg"

from {{ cookiecutter.package_name }} import (
    baseline,
    config,
    evaluate,
    export,
    leak,
    prepare,
    report,
    train,
)

ROOT = Path(__file__).parents[1]
SMALL = ["model.size=64", "model.epochs=2", "trainer=cpu", "bootstrap=20", "logger=[dvclive]"]
EVERY = 12  # of the prepared samples, every twelfth is used


def settings(*overrides: str) -> DictConfig:
    """The project's configuration, made small."""
    return config.compose(*SMALL, *overrides)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/prepared of the whole data set, in a folder of its own."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare.main(config.compose())
    return folder / "data/prepared"


@pytest.fixture(scope="session")
def project(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the whole pipeline has run on few samples."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("docs", "README.md", "mkdocs.yml", "app.py"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    few = folder / "data/prepared"
    few.mkdir(parents=True)
    for name in ("x.npy", "y.npy"):
        np.save(few / name, np.load(prepared / name, mmap_mode="r")[::EVERY])
    samples = pd.read_parquet(prepared / "samples.parquet")[::EVERY].reset_index(drop=True)
    samples.to_parquet(few / "samples.parquet", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        baseline.main(settings())
        train.main(settings())
        leak.main(settings("model=frozen"))
        export.main(settings())
        evaluate.main(settings())
        report.main(settings())
    return folder


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the working directory."""
    monkeypatch.chdir(project)
    return project
