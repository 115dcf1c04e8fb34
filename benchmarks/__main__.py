"""Measures the generated projects: `uv run python -m benchmarks [--quick] [PART...]` -> benchmarks/results.md.

Each part runs inside the environment of a project baked for it, under .benchmarks/, and prints one JSON line
for each row of its table. Both sides of a ratio are measured in the same run. Give names of parts to repeat only these.
`--quick`: fewer rounds and one starter; its table is printed and not kept. The machine should have nothing else to do.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cookiecutter.main import cookiecutter
from uv import find_uv_bin

HERE = Path(__file__).parent.resolve()
WORK = HERE.parent / ".benchmarks"
STARTERS = {"table": "caravan-insurance", "series": "wind-turbines", "image": "solar-cells"}
# What a part needs besides the project, and the kinds of project that it runs in.
PARTS = {
    "pipeline": ([], [*STARTERS]),
    "loop": ([], [*STARTERS]),
    "data": ([], ["table"]),
    "quality": ([], [*STARTERS]),
    "inference": (["gradio_client"], [*STARTERS]),
    "processes": (["hydra-joblib-launcher", "hydra-submitit-launcher", "litdata==0.2.50", "moto[server]"], ["table"]),
    "gpu": ([], [*STARTERS]),
}
TITLES = {
    "pipeline": "The first run",
    "loop": "The training loop",
    "data": "The data path",
    "quality": "Quality and CPU time",
    "inference": "Inference",
    "processes": "Many processes",
    "gpu": "GPU",
}


IDENTITY = {"NAME": "Benchmarks", "EMAIL": "benchmarks@example.org"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="under three minutes, nothing is written")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    rows = WORK / ("quick" if given.quick else "rows")
    if given.quick:
        shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True, exist_ok=True)
    quick = ["pipeline", "loop", "data", "inference"]
    for part in given.parts or (quick if given.quick else list(PARTS)):
        for kind in ["table"] if given.quick else PARTS[part][1]:
            lines = measure(part, project(kind), given.quick)
            told = [json.dumps({"part": part, "kind": kind, **line}) + "\n" for line in lines]
            (rows / f"{part}-{kind}.jsonl").write_text("".join(told))
    page = results(rows)
    if given.quick:
        print(page)
    else:
        (HERE / "results.md").write_text(page)
        print(f"{HERE / 'results.md'} is written.")


def project(kind: str) -> Path:
    """A project of this kind with its environment; made once, brought up to date with the template."""
    folder = WORK / kind
    answers = {"starter": STARTERS[kind], "setup": "files", "project_slug": kind, "package_name": "project"}
    cookiecutter(str(HERE.parent), no_input=True, output_dir=str(WORK), extra_context=answers, overwrite_if_exists=True)
    subprocess.run([find_uv_bin(), "sync", "--quiet"], cwd=folder, env=environment(), check=True)
    return folder


def environment() -> dict[str, str]:
    """This one, without the environment of this process, and with a user for git."""
    mine = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH")
    env = {name: value for name, value in os.environ.items() if name not in mine}
    told = {
        "UV": find_uv_bin(),
        "COOKIECUTTER": sys.executable,
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    me = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in IDENTITY.items()}
    return env | told | me


def measure(part: str, folder: Path, quick: bool) -> list[dict]:
    """The rows that a part prints in a project."""
    more = [word for package in PARTS[part][0] for word in ("--with", package)]
    command = [find_uv_bin(), "run", "--quiet", *more, "python", str(HERE / f"{part}.py"), *["--quick"] * quick]
    print(f"{part}, {folder.name}", flush=True)
    done = subprocess.run(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {part} failed in {folder}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def results(rows: Path) -> str:
    """The page: a table for each part that was measured."""
    text = "# Measured\n\n<!-- Written by `uv run python -m benchmarks`. -->\n\n"
    text += "A ratio has both sides in one run, on a machine with nothing else to do: `uv run python -m benchmarks`.\n"
    for part, title in TITLES.items():
        found = [
            json.loads(line)
            for kind in STARTERS
            if (path := rows / f"{part}-{kind}.jsonl").exists()
            for line in path.read_text().splitlines()
        ]
        if not found:
            text += f"\n## {title}\n\nNot measured.\n"
            continue
        text += f"\n## {title}\n\n{'; '.join(dict.fromkeys(line['machine'] for line in found))}.\n\n"
        text += "| Project | What | Ours | Beside it | Ratio | Aim | Met |\n"
        text += "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
        for line in found:
            ratio = "" if line["ratio"] is None else f"{line['ratio']:.3g}"
            met = {None: "", True: "yes", False: "**no**"}[line["met"]]
            cells = [line["kind"], line["what"], line["ours"], line["beside"], ratio, line["aim"], met]
            text += f"| {' | '.join(cells)} |\n"
    return text


if __name__ == "__main__":
    main()
