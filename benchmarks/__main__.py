"""Measures the generated projects: `uv run python -m benchmarks [--quick] [PART...]` -> benchmarks/results.md.

Each part runs inside the environment of a project baked for it, under .benchmarks/, and prints one JSON line
for each row of its table. Both sides of a ratio are measured in the same run. Give names of parts to repeat only these;
the page keeps the others as they are.
`--quick`: fewer rounds and one starter; its table is printed and not kept. The machine should have nothing else to do.
"""

import argparse
import json
import os
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
    parser.add_argument("--quick", action="store_true", help="about three minutes, nothing is written")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    if given.quick and "quality" in given.parts:
        parser.error("quality: there is no quick one")
    page = HERE / "results.md"
    quick = ["pipeline", "loop", "data", "inference"]
    for part in given.parts or (quick if given.quick else list(PARTS)):
        kinds = ["table"] if given.quick else PARTS[part][1]
        rows = [{"kind": kind, **line} for kind in kinds for line in measure(part, project(kind), given.quick)]
        if given.quick and rows:
            print(section(part, rows))
        elif rows:
            page.write_text(replaced(page.read_text(), part, rows))
        print(f"{TITLES[part]}: {len(rows)} rows{'' if rows or given.quick else ', the page stays as it is'}")


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


def section(part: str, rows: list[dict]) -> str:
    """A part of the page: its table."""
    text = f"## {TITLES[part]}\n\n{'; '.join(dict.fromkeys(row['machine'] for row in rows))}.\n\n"
    text += "| Project | What | Ours | Beside it | Ratio | Aim | Met |\n"
    text += "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}"
        met = {None: "", True: "yes", False: "**no**"}[row["met"]]
        cells = [row["kind"], row["what"], row["ours"], row["beside"], ratio, row["aim"], met]
        text += f"| {' | '.join(cells)} |\n"
    return text


def replaced(page: str, part: str, rows: list[dict]) -> str:
    """The page with this part measured anew."""
    before, rest = page.split(f"## {TITLES[part]}\n", 1)
    after = rest.find("\n## ")
    return before + section(part, rows) + (rest[after:] if after >= 0 else "")


if __name__ == "__main__":
    main()
