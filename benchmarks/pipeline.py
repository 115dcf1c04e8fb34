"""Seconds of the first run: bake, install, stages, site; and of a run with nothing to do."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import KIND, QUICK, alternate, prepare, row

TEMPLATE = Path(__file__).parents[1]
STAGES = ("prepare", "baseline", "train", "export", "evaluate", "report")
MODULES = ("data", *STAGES[1:], "predict")
HEAVY = ("torch", "pytorch_lightning")
REPRO = [sys.executable, "-m", "dvc", "repro", "--quiet"]


def seconds(*command: str, cwd: Path | None = None, **env: str) -> float:
    """Wall time of a command; raises CalledProcessError if it fails."""
    start = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=cwd, env={**os.environ, **env}, check=True, **quiet)
    return time.perf_counter() - start


def measure_bake(folder: Path) -> None:
    """A row for the bake of this template against the bake of a template with one file."""
    empty = folder / "empty"
    (empty / "{{cookiecutter.project_slug}}").mkdir(parents=True)
    (empty / "cookiecutter.json").write_text('{"project_slug": "empty"}')
    (empty / "{{cookiecutter.project_slug}}/README.md").write_text("# {{cookiecutter.project_slug}}\n")
    cookiecutter = [os.environ["COOKIECUTTER"], "-m", "cookiecutter", "--no-input", "--output-dir"]

    def bake(*words: str) -> float:
        return seconds(*cookiecutter, tempfile.mkdtemp(dir=folder), *words)

    functions = {"project": lambda: bake(str(TEMPLATE), "setup=files"), "empty": lambda: bake(str(empty))}
    medians = alternate(functions, 1 if QUICK else 5)
    value, reference = f"{medians['project']:.2f} s", f"empty template {medians['empty']:.2f} s"
    row("bake, setup=files", value, reference, medians["project"] / medians["empty"], "<= 1.5")


def measure_first_run() -> None:
    """Rows for the install from a warm cache, each stage (each starts DVC) and the site, all from nothing."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        environment = str(Path(folder, "venv").resolve())
        times = {"install, from the cache": seconds(os.environ["UV"], "sync", UV_PROJECT_ENVIRONMENT=environment)}
    for name in ("data", "models", "runs", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(name, ignore_errors=True)
    Path("dvc.lock").unlink(missing_ok=True)
    for stage in STAGES:
        times[stage] = seconds(*REPRO, stage)
    times["site"] = seconds(sys.executable, "-m", "mkdocs", "build", "--strict")
    total = sum(times.values())
    for name, value in times.items():
        row(f"first run, once: {name}", f"{value:.1f} s", f"{value / total:.0%} of {total:.0f} s")


def measure_imports() -> None:
    """Rows for the import of each module, and whether it loads torch and Lightning."""
    for module in MODULES:
        code = f"import sys, project.{module}; print(*[name for name in {HEAVY} if name in sys.modules])"
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        value = f"{time.perf_counter() - start:.2f} s"
        heavy = ", ".join(done.stdout.split()) or "neither torch nor Lightning"
        row(f"import {module}", value, f"loads {heavy}")


def measure_nothing_to_do(folder: Path) -> None:
    """Rows for `dvc repro` when nothing changed, against a project of one stage and `dvc --version`."""
    small = folder / "small"
    small.mkdir()
    dvc = [sys.executable, "-m", "dvc"]
    (small / "dvc.yaml").write_text("stages:\n  one:\n    cmd: echo 1 > one\n    outs: [one]\n")
    seconds("git", "init", "--quiet", cwd=small)
    seconds(*dvc, "init", "--quiet", cwd=small)
    seconds(*REPRO, cwd=small)
    seconds(*REPRO)
    functions = {
        "project": lambda: seconds(*REPRO),
        "one stage with nothing to do": lambda: seconds(*REPRO, cwd=small),
        "dvc --version": lambda: seconds(*dvc, "--version"),
    }
    medians = alternate(functions, 2 if QUICK else 7)
    own = medians.pop("project")
    targets = {"one stage with nothing to do": "<= 1.3", "dvc --version": ""}
    for name, median in medians.items():
        row("dvc repro, nothing to do", f"{own:.2f} s", f"{name} {median:.2f} s", own / median, targets[name])


def measure_collection() -> None:
    """A row for collecting the tests of the project."""
    pytest = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    [median] = alternate({"pytest": lambda: seconds(*pytest)}, 1 if QUICK else 3).values()
    row("collect the tests", f"{median:.2f} s", "limit 5 s", median / 5, "<= 1")


def main() -> None:
    if QUICK:
        prepare()
    else:
        measure_first_run()
        measure_imports()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if KIND == "table":  # the same files for each starter
            measure_bake(folder)
        measure_nothing_to_do(folder)
    measure_collection()


if __name__ == "__main__":
    main()
