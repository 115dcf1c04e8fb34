"""The results page of the benchmarks. Their measurements are not repeated here."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, bake, command, install

from benchmarks.__main__ import PARTS, TITLES, replace_section, template_version


def test_an_unknown_part_gets_one_line():
    command = [sys.executable, "-m", "benchmarks", "gpus"]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"gpus: choose from {', '.join(PARTS)}")


def test_a_new_section_shows_met_targets_and_keeps_the_other_sections():
    cells = {"kind": "image", "what": "network", "value": "2 ms", "reference": "bare 1 ms", "machine": "A box"}
    rows = [{**cells, "ratio": ratio, "target": "<= 1.03", "met": ratio <= 1.03} for ratio in (1, 2)]
    empty = "# Benchmarks\n" + "".join(f"\n## {title}\n\nNot measured.\n" for title in TITLES.values())
    page = replace_section(empty, "loop", rows)
    assert f"\n## The training loop\n\nVersion {template_version()}; A box.\n" in page
    assert "| image | network | 2 ms | bare 1 ms | 1 | <= 1.03 | yes |" in page
    assert "| image | network | 2 ms | bare 1 ms | 2 | <= 1.03 | **no** |" in page
    assert page.count("\nNot measured.\n") == len(TITLES) - 1
    page_with_gpu = replace_section(page, "gpu", rows[:1])
    assert page_with_gpu.startswith(page.removesuffix("## GPU\n\nNot measured.\n"))
    assert "Not measured.\n\n## GPU" in page_with_gpu


def test_the_page_has_a_section_per_part():
    page = (TEMPLATE / "benchmarks/results.md").read_text(encoding="utf-8")
    titles = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert titles == list(TITLES.values())


@pytest.mark.slow
def test_several_processes_are_measured():
    command = [sys.executable, "-m", "benchmarks", "--quick", "processes"]
    output = subprocess.run(command, cwd=TEMPLATE, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert len([line for line in output.splitlines() if line.startswith("| table ")]) == 8


@pytest.mark.slow
def test_the_gpu_part_runs_without_one(tmp_path: Path):
    project = install(bake(tmp_path, starter="caravan-insurance", project_slug="table", package_name="project"))
    output = command(project, "python", str(TEMPLATE / "benchmarks/gpu.py"), "--rehearse")
    assert len([line for line in output.splitlines() if line.startswith("{")]) == 4
