"""Measures generated projects: `uv run python -m benchmarks [--quick] [PART...]` -> benchmarks/results.md.

Each part runs inside the environment of a project generated for it, under .benchmarks/, and prints one JSON line per
row of its table. Both sides of a ratio are measured in the same run. Name parts to repeat only these; the page keeps
the others. `--quick`: fewer rounds and one starter; the table is printed and not kept. Nothing else should run.
"""

import argparse
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from cookiecutter.main import cookiecutter
from uv import find_uv_bin

HERE = Path(__file__).parent.resolve()
WORK = HERE.parent / ".benchmarks"
STARTERS = {"table": "caravan-insurance", "series": "wind-turbines", "image": "solar-cells"}
# Packages that a part needs in addition to the project, and the kinds of project that it measures.
PARTS = {
    "pipeline": ([], [*STARTERS]),
    "loop": ([], [*STARTERS]),
    "data": ([], ["table"]),
    "quality": ([], [*STARTERS]),
    "inference": (["gradio_client"], [*STARTERS]),
    "processes": (["hydra-joblib-launcher", "hydra-submitit-launcher", "litdata==0.2.50", "moto[server]"], ["table"]),
    "gpu": ([], [*STARTERS]),
}
QUICK_PARTS = ["pipeline", "loop", "data", "inference"]
TITLES = {
    "pipeline": "The first run",
    "loop": "The training loop",
    "data": "The data path",
    "quality": "Quality and CPU time",
    "inference": "Inference",
    "processes": "Many processes",
    "gpu": "GPU",
}
HEADER = """\
| Project | What | Value | Reference | Ratio | Target | Met |
| --- | --- | ---: | ---: | ---: | ---: | --- |
"""
IDENTITY = {"NAME": "Benchmarks", "EMAIL": "benchmarks@example.org"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="about three minutes, nothing is written")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    if options.quick and "quality" in options.parts:
        parser.error("quality: has no --quick")
    page, default = HERE / "results.md", QUICK_PARTS if options.quick else list(PARTS)
    for part in options.parts or default:
        rows = []
        for kind in ["table"] if options.quick else PARTS[part][1]:
            rows += [{"kind": kind, **line} for line in measure(part, make_project(kind), options.quick)]
        if options.quick and rows:
            print(section(part, rows))
        elif rows:
            page.write_text(replace_section(page.read_text(), part, rows))
        unchanged = "" if rows or options.quick else ", results.md is unchanged"
        print(f"{TITLES[part]}: {len(rows)} rows{unchanged}")


def make_project(kind: str) -> Path:
    """A project of this kind with its environment: generated once, then updated to the current template."""
    folder = WORK / kind
    answers = {"starter": STARTERS[kind], "setup": "files", "project_slug": kind, "package_name": "project"}
    cookiecutter(str(HERE.parent), no_input=True, output_dir=str(WORK), extra_context=answers, overwrite_if_exists=True)
    subprocess.run([find_uv_bin(), "sync", "--quiet"], cwd=folder, env=environment(), check=True)
    return folder


def environment() -> dict[str, str]:
    """The variables of this process without its virtual environment, and with an identity for git."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHONPATH"))}
    env.pop("UV_PROJECT_ENVIRONMENT", None)
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_{field}": value for field, value in IDENTITY.items()}
    return env | {"UV": find_uv_bin(), "COOKIECUTTER": sys.executable, "GRADIO_ANALYTICS_ENABLED": "False"}


def measure(part: str, folder: Path, quick: bool) -> list[dict]:
    """The rows that a part prints in a project."""
    command = [find_uv_bin(), "run", "--quiet"]
    for package in PARTS[part][0]:
        command += ["--with", package]
    command += ["python", str(HERE / f"{part}.py")]
    if quick:
        command.append("--quick")
    print(f"{part}, {folder.name}", flush=True)
    done = subprocess.run(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {part} failed in {folder}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def template_version() -> str:
    """The version in the pyproject.toml of the template."""
    return tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def section(part: str, rows: list[dict]) -> str:
    """A part of the page: version, machines and table."""
    machines = "; ".join(dict.fromkeys(row["machine"] for row in rows))
    text = f"## {TITLES[part]}\n\nVersion {template_version()}; {machines}.\n\n{HEADER}"
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}"
        met = {None: "", True: "yes", False: "**no**"}[row["met"]]
        cells = [row["kind"], row["what"], row["value"], row["reference"], ratio, row["target"], met]
        text += f"| {' | '.join(cells)} |\n"
    return text


def replace_section(page: str, part: str, rows: list[dict]) -> str:
    """The page with this part measured again."""
    head, rest = page.split(f"## {TITLES[part]}\n", 1)
    end = rest.find("\n## ")
    return head + section(part, rows) + (rest[end:] if end >= 0 else "")


if __name__ == "__main__":
    main()
