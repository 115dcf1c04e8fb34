"""The paper is set with the numbers of the last run, and before there is one."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, settings
from matplotlib.image import imsave

from {{ cookiecutter.package_name }} import paper

pytest.importorskip("typst", reason="typst sets the paper: `uv add --dev typst`")
pypdf = pytest.importorskip("pypdf", reason="pypdf reads the paper: `uv add --dev pypdf`")
PDF = Path("docs/paper.pdf")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper in a folder of its own, without a run, as the working directory."""
    for name in ("paper", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "docs/figures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)


def read(pdf: Path) -> str:
    """The words of a PDF of at least two pages, a space between any two."""
    assert pdf.read_bytes().startswith(b"%PDF")
    pages = pypdf.PdfReader(pdf).pages
    assert len(pages) >= 2
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_it_is_an_outline_before_the_first_run():
    paper.main(settings())
    assert "Question" in read(PDF)


@pytest.mark.parametrize(("metric", "value"), [("auc", "0.902 (0.812 to 0.960)"), ("mae", "120 (9 to 200)")])
def test_it_shows_the_last_run(metric, value):
    lines = ["| Test set | network |", "| --- | --- |", "| a name | 7,531 (7,000 to 8,000) |"]
    measured = {"network": {metric: value}, "table": "\n".join(lines)}
    Path("reports").mkdir()
    Path("reports/pages.json").write_text(json.dumps({"measured": measured}))
    imsave("docs/figures/leak.png", [[0, 1], [1, 0]])
    paper.main(settings())
    found = read(PDF)
    assert value in found and "7,531" in found and "not yet measured" in found
    assert "docs/figures/leak.png" not in found and "docs/figures/slices.png" in found


def test_a_mistake_in_the_text_gets_one_line():
    with Path("paper/paper.typ").open("a") as text:
        text.write("\n#nonsense\n")
    with pytest.raises(SystemExit, match=r"^error: paper/paper\.typ:\d+:\d+: unknown variable: nonsense$"):
        paper.main(settings())
    assert not PDF.exists()


def test_without_typst_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(SystemExit, match="uv add --dev typst"):
        paper.main(settings())


def test_the_paper_of_this_repository_shows_its_last_run():
    if not (ROOT / PDF).exists() or not (ROOT / "reports/pages.json").exists():
        pytest.skip("no paper yet: `uv run python -m {{ cookiecutter.package_name }}.paper`")
    values = json.loads((ROOT / "reports/pages.json").read_text())["measured"]["point"]["network"]
    assert values.get("auc", values.get("mae")) in read(ROOT / PDF)
