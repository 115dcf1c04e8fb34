"""Generated projects, their environments and a trained run, shared by all tests."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from servers import kaggle, s3, web  # noqa: F401  fixtures
from uv import find_uv_bin

TEMPLATE = Path(__file__).parents[1]
SLUG = "solar-cell-inspector"
PACKAGE = "solar_cell_inspector"
IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory):
    """A git identity, a uv that the hooks find, and no personal settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in IDENTITY.items():
            patch.setenv(name, value)
        patch.setenv("UV", find_uv_bin())
        cache = subprocess.run([find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
        patch.setenv("UV_CACHE_DIR", cache.stdout.strip())  # some tests change HOME
        for name in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS"):
            patch.delenv(name, raising=False)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        home = tmp_path_factory.mktemp("cookiecutter")
        config = home / "config.yaml"
        config.write_text(f"cookiecutters_dir: {home}\nreplay_dir: {home}\n")
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        yield


def bake(folder: Path, **answers: str) -> Path:
    """A project generated in `folder` with these answers; setup=files unless given."""
    context = {"setup": "files", **answers}
    return Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(folder), extra_context=context))


@pytest.fixture(scope="session")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default project, files only. Tests must not change it."""
    return bake(tmp_path_factory.mktemp("baked"))


# Each starter once and each role once; slow tests cover the other combinations.
PAIRS = {
    "solar-cells": "ml-engineer",
    "wind-turbines": "applied-research",
    "caravan-insurance": "research-scientist",
}


def install(project: Path) -> Path:
    """Installs the environment of a project; returns the project."""
    subprocess.run([os.environ["UV"], "sync", "--quiet"], cwd=project, check=True)
    return project


@pytest.fixture(scope="session", params=PAIRS)
def starter(request: pytest.FixtureRequest) -> str:
    """Every starter in turn."""
    return request.param


@pytest.fixture(scope="session")
def installed(starter: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of each starter, each in another role, installed."""
    folder = tmp_path_factory.mktemp("installed")
    return install(bake(folder, starter=starter, target_role=PAIRS[starter], project_slug=SLUG))


def command(project: Path, *words: str) -> str:
    """Output of a command run in a project with `uv run`."""
    line = [os.environ["UV"], "run", "--no-sync", *words]
    done = subprocess.run(line, cwd=project, text=True, capture_output=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def run(installed: Path) -> Callable[..., str]:
    """Runs a command in the installed project; returns its output."""
    return functools.partial(command, installed)


DEMO = {
    "solar-cells": "/inspect",
    "wind-turbines": "/forecast",
    "caravan-insurance": "/upload",
}  # API name of the Gradio demo's function for a file
SMALL = {"bootstrap": 20}
KNOBS = {  # settings that make the whole pipeline fast, by file
    "solar-cells": {
        "conf/model/network.yaml": {"size": 64, "epochs": 1},
        "conf/config.yaml": SMALL,
    },
    "wind-turbines": {
        "conf/data/starter.yaml": {"stride": 60, "split_sha256": "null"},
        "conf/model/network.yaml": {"epochs": 1},
        "conf/config.yaml": SMALL,
    },
    "caravan-insurance": {
        "conf/model/network.yaml": {"members": 4, "epochs": 1},
        "conf/config.yaml": SMALL,
    },
}
STAGES = ["prepare", "baseline", "train", "export", "evaluate", "report"]


def turn(project: Path, knobs: dict[str, dict[str, float]]) -> None:
    """Sets values as a person would, by editing the line."""
    for name, values in knobs.items():
        path = project / name
        text = path.read_text()
        for key, value in values.items():
            text, count = re.subn(rf"^{key}: \S+", f"{key}: {value}", text, flags=re.MULTILINE)
            assert count == 1, (name, key)
        path.write_text(text)


def reran(output: str) -> list[str]:
    """Stages that `dvc repro` ran, from its output."""
    return re.findall(r"Running stage '(\w+)'", output)


def git(project: Path, *words: str) -> str:
    """Output of a git command in a project."""
    return subprocess.run(["git", *words], cwd=project, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def trained(starter, installed, run):
    """The installed project after one fast run of the whole pipeline on all the data."""
    turn(installed, KNOBS[starter])
    output = run("dvc", "repro")
    assert reran(output) == STAGES
    git(installed, "add", "--all")
    git(installed, "commit", "--quiet", "--message", "First run")
    return installed


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[..., Path]]:
    """Mounts a small tmpfs with the given options; skips without the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
        if done.returncode:
            pytest.skip("no right to mount a disk")
        return folder

    if not shutil.which("mount"):
        pytest.skip("no mount")
    yield mount
    subprocess.run(["umount", "--lazy", folder], capture_output=True)
