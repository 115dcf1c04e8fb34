"""The results page of the benchmarks. Their measurements are not repeated here."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, bake, command, install

from benchmarks.__main__ import PARTS, TITLES, replaced


def test_a_part_that_is_unknown_gets_one_line():
    command = [sys.executable, "-m", "benchmarks", "gpus"]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"gpus: choose of {', '.join(PARTS)}")


def test_the_page_tells_what_was_met_and_keeps_the_other_parts():
    line = {"kind": "image", "what": "network", "ours": "2 ms", "beside": "bare 1 ms"}
    rows = [{**line, "ratio": ratio, "aim": "<= 1.03", "met": ratio <= 1.03, "machine": "A box"} for ratio in (1, 2)]
    empty = "# Measured\n" + "".join(f"\n## {title}\n\nNot measured.\n" for title in TITLES.values())
    page = replaced(empty, "loop", rows)
    assert "\n## The training loop\n\nA box.\n" in page
    assert "| image | network | 2 ms | bare 1 ms | 1 | <= 1.03 | yes |" in page
    assert "| image | network | 2 ms | bare 1 ms | 2 | <= 1.03 | **no** |" in page
    assert page.count("\nNot measured.\n") == len(TITLES) - 1
    again = replaced(page, "gpu", rows[:1])
    assert again.startswith(page.removesuffix("## GPU\n\nNot measured.\n")) and "Not measured.\n\n## GPU" in again


@pytest.mark.slow
def test_many_processes_are_measured():
    command = [sys.executable, "-m", "benchmarks", "--quick", "processes"]
    said = subprocess.run(command, cwd=TEMPLATE, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert len([line for line in said.splitlines() if line.startswith("| table ")]) == 8


@pytest.mark.slow
def test_the_gpu_part_runs_without_one(tmp_path: Path):
    project = install(bake(tmp_path, starter="caravan-insurance", project_slug="table", package_name="project"))
    said = command(project, "python", str(TEMPLATE / "benchmarks/gpu.py"), "--rehearse")
    assert len([line for line in said.splitlines() if line.startswith("{")]) == 4
