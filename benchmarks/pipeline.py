"""Where the seconds of the first run go: bake, install, stages, site; and what a run costs with nothing to do."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import QUICK, alternate, prepared, row

TEMPLATE = Path(__file__).parents[1]
STAGES = ("prepare", "baseline", "train", "leak", "export", "evaluate", "report")
HEAVY = ("torch", "pytorch_lightning")
DVC = [sys.executable, "-m", "dvc", "repro", "--quiet"]


def seconds(*command: str, cwd: Path | None = None, **env: str) -> float:
    """Wall time of a command, which has to end well."""
    begun = time.perf_counter()
    subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - begun


def bake(folder: Path) -> None:
    """Files of the template against those of a template with one file."""
    empty = folder / "empty"
    (empty / "{{cookiecutter.project_slug}}").mkdir(parents=True)
    (empty / "cookiecutter.json").write_text('{"project_slug": "empty"}')
    (empty / "{{cookiecutter.project_slug}}/README.md").write_text("# {{cookiecutter.project_slug}}\n")
    cookiecutter = [os.environ["COOKIECUTTER"], "-m", "cookiecutter", "--no-input", "--output-dir"]

    def once(*words: str) -> float:
        return seconds(*cookiecutter, tempfile.mkdtemp(dir=folder), *words)

    found = alternate(
        {"ours": lambda: once(str(TEMPLATE), "setup=files"), "empty": lambda: once(str(empty))},
        1 if QUICK else 5,
    )
    row(
        "bake, setup=files",
        f"{found['ours']:.2f} s",
        f"empty template {found['empty']:.2f} s",
        found["ours"] / found["empty"],
        "<= 1.5",
    )


def first() -> None:
    """Seconds of the install from a warm cache, of each stage (each a start of DVC) and of the site, from nothing."""
    with tempfile.TemporaryDirectory(dir=".") as new:
        spent = [
            (
                "install, from the cache",
                seconds(os.environ["UV"], "sync", UV_PROJECT_ENVIRONMENT=str(Path(new, "venv").resolve())),
            )
        ]
    for old in ("data", "models", "runs", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(old, ignore_errors=True)
    Path("dvc.lock").unlink(missing_ok=True)
    spent += [(stage, seconds(*DVC, stage)) for stage in STAGES]
    spent.append(("site", seconds(sys.executable, "-m", "mkdocs", "build", "--strict")))
    total = sum(time for _, time in spent)
    for name, time_ in spent:
        row(f"first run, once: {name}", f"{time_:.1f} s", f"{time_ / total:.0%} of {total:.0f} s")


def imports() -> None:
    """Seconds that each stage takes to import, and whether it brings torch and Lightning along."""
    for stage in (*STAGES, "predict"):
        code = f"import sys, project.{stage}; print(*[name for name in {HEAVY} if name in sys.modules])"
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        row(
            f"import {stage}",
            f"{time.perf_counter() - begun:.2f} s",
            f"loads {', '.join(done.stdout.split()) or 'neither torch nor Lightning'}",
        )


def nothing_to_do(folder: Path) -> None:
    """`dvc repro` when nothing changed, against one in a project of one stage, and against `dvc --version`."""
    small = folder / "small"
    small.mkdir()
    dvc = [sys.executable, "-m", "dvc"]
    (small / "dvc.yaml").write_text("stages:\n  one:\n    cmd: echo 1 > one\n    outs: [one]\n")
    seconds("git", "init", "--quiet", cwd=small)
    seconds(*dvc, "init", "--quiet", cwd=small)
    seconds(*DVC, cwd=small)
    seconds(*DVC)
    found = alternate(
        {
            "ours": lambda: seconds(*DVC),
            "one stage": lambda: seconds(*DVC, cwd=small),
            "version": lambda: seconds(*dvc, "--version"),
        },
        2 if QUICK else 7,
    )
    for name, said, aim in (("one stage", "one stage with nothing to do", "<= 1.3"), ("version", "dvc --version", "")):
        row(
            "dvc repro, nothing to do",
            f"{found['ours']:.2f} s",
            f"{said} {found[name]:.2f} s",
            found["ours"] / found[name],
            aim,
        )


def collect() -> None:
    """Collecting the tests of the project."""
    found = alternate(
        {"collect": lambda: seconds(sys.executable, "-m", "pytest", "--collect-only", "-q")}, 1 if QUICK else 3
    )["collect"]
    row("collect the tests", f"{found:.2f} s", "limit 5 s", found / 5, "<= 1")


def main() -> None:
    assert importlib.util.find_spec("dvc"), "runs in the environment of a project"
    if QUICK:
        prepared()
    else:
        first()
        imports()
    with tempfile.TemporaryDirectory() as folder:
        if Path.cwd().name == "table":  # the starters have the same files
            bake(Path(folder))
        nothing_to_do(Path(folder))
    collect()


if __name__ == "__main__":
    main()
