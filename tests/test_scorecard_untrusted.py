"""Untrusted repositories of any shape: no traceback, no command executed, no points beyond a common item."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import portfolio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portfolio import check_result, finished, git, write  # noqa: F401  a fixture
from rich.console import Console

from scorecard import show
from scorecard.declarations import BadDeclaration
from scorecard.judge import Report, judge

TITANIC = {"cell_type": "code", "source": ["import pandas\n", "table = pandas.read_csv('titanic.csv')\n"]}
NOTEBOOK = json.dumps({"cells": [{"cell_type": "markdown", "source": "# Who survived?"}, TITANIC]})
SHAPES: dict[str, Callable[[Path], Path | None]] = {}


def shape(build: Callable[[Path], Path | None]) -> Callable[[Path], Path | None]:
    """Registers a function that fills an empty folder; it may return another folder to score."""
    SHAPES[build.__name__] = build
    return build


def started(folder: Path, **files: str) -> None:
    """A git repository with one commit; `__` in a name stands for a point."""
    folder.mkdir(exist_ok=True)
    git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
    for name, text in {"README__md": "# A thing\n\nIt does something.\n", **files}.items():
        write(folder, name.replace("__", "."), text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All of it")


def in_all_forms(report: Report) -> None:
    """Every format of the report can be written as UTF-8."""
    console = Console(file=StringIO(), width=100)
    show.terminal(report, console, show_checks=True)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in (shown, show.markdown(report), show.page(report), report.model_dump_json()):
        assert "not yet hireable" in text.encode("utf-8").decode("utf-8")


@shape
def empty(folder):
    pass


@shape
def without_git(folder):
    write(folder, "README.md", "# A thing\n")
    write(folder, "train.py", "print('trained')\n")


@shape
def notebooks_only(folder):
    started(folder, **{"a__ipynb": NOTEBOOK, "broken__ipynb": "{", "odd__ipynb": '{"cells": [1, {"source": 2}]}'})


@shape
def git_without_commits(folder):
    git(folder, "init", "--quiet")
    write(folder, "README.md", "# A thing\n")
    git(folder, "add", "--all")


@shape
def readme_in_rst(folder):
    write(folder, "README.rst", "A thing\n=======\n\n.. image:: it.png\n")


@shape
def package_in_r(folder):
    text = {"DESCRIPTION": "Package: a\nVersion: 0.1\n", "R/fit__R": "fit <- function(x) lm(y ~ x)\n", "NAMESPACE": ""}
    started(folder, **text, **{"tests/testthat/test-fit__R": "expect_equal(1, 1)\n"})


@shape
def binary_junk(folder):
    for number, name in enumerate(
        [b"\xff\xfe.csv", b"a\xe9.md", b"line\nbreak.md", b"\x1b[31m.py", b"x.csv.gz", b"y.zip"]
    ):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(bytes([0, 255, 31, 139, number]) * 50)
    write(folder, "data/raw/z.csv.gz", "\x1f\x8b")


@shape
def links_in_a_loop_and_out_of_the_folder(folder):
    write(folder.parent / "outside", "train.py", "load_dataset('titanic')\n")
    write(folder.parent / "outside", "titanic.csv", "Survived,Pclass,SibSp,Parch,Embarked\n")
    write(folder.parent / "outside", "portfolio.yaml", "role: a secret\n")
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to("self")
    for name in ("train.py", "portfolio.yaml", "titanic.csv"):
        (folder / name).symlink_to(folder.parent / "outside" / name)
    (folder / "data").mkdir()
    (folder / "data/raw").symlink_to(folder.parent / "outside")


@shape
def settings_that_name_a_file_outside(folder):
    write(folder.parent / "outside", "table.csv", "Survived,Pclass,SibSp,Parch,Embarked\n")
    write(folder, "conf/config.yaml", "defaults: [{data: own}]\n")
    write(folder, "conf/data/own.yaml", f"path: {folder.parent / 'outside/table.csv'}\nsha256: '{'0' * 64}'\n")


@shape
def shallow_clone(folder):
    started(folder / "all")
    write(folder / "all", "more.md", "more\n")
    portfolio.commit(folder / "all", 1)
    git(folder, "clone", "--quiet", "--depth", "1", f"file://{folder / 'all'}", "part")
    return folder / "part"


@shape
def bare_repository(folder):
    started(folder / "all")
    git(folder, "clone", "--quiet", "--bare", "all", "bare.git")
    return folder / "bare.git"


@shape
def repository_with_a_submodule(folder):
    started(folder / "inner")
    started(folder / "outer")
    git(folder / "outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner", "inner")
    portfolio.commit(folder / "outer", 1)
    return folder / "outer"


@shape
def readme_of_five_megabytes(folder):
    write(folder, "README.md", "# Long\n\n" + "word " * 1_000_000)


@shape
def pages_that_never_close_what_they_open(folder):
    for place, text in enumerate(
        ["<!-- ", "[", "![", "`", "<pre ", "```\n~~~\n", "| ", "# ", "\n", "](", "[[ ", "<img ", "1", "[a](#b)"]
    ):
        write(folder, f"docs/{place}.md", text * (100_000 // len(text)))


@shape
def json_nested_deeply(folder):
    for name in ("reports/metrics.json", "reports/pages.json", "a.ipynb"):
        write(folder, name, "[" * 100_000)
    for name in ("dvc.lock", "conf/config.yaml"):
        write(folder, name, "- " * 100_000)


@shape
def yaml_that_grows_by_aliases(folder):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    for name in ("conf/config.yaml", "conf/data/own.yaml", "dvc.lock"):
        write(folder, name, "\n".join(lines))


@shape
def folder_inside_a_bigger_repository(folder):
    started(folder, **{"item/README__md": "# Inner\n", "other/big__py": "print()\n" * 100})
    return folder / "item"


@shape
def untracked_folder_inside_a_bigger_repository(folder):
    started(folder)
    write(folder, "item/README.md", "# Inner\n")
    return folder / "item"


@shape
def worktree(folder):
    started(folder / "main")
    git(folder / "main", "worktree", "add", "--quiet", "../tree")
    assert (folder / "tree/.git").is_file()
    return folder / "tree"


@shape
def names_and_subjects_with_control_characters(folder):
    started(folder)
    write(folder, "a\tb\u2028.md", "text\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "\x01a\x02b\x1ec", "--author", "A\x02B <a\x02@example.org>")


@pytest.mark.parametrize("name", SHAPES)
def test_any_shape_is_judged_in_every_form_and_is_a_common_item(tmp_path, name):
    folder = tmp_path / "item"
    folder.mkdir()
    folder = SHAPES[name](folder) or folder
    report = judge([folder])
    assert report.evidenced == -1
    in_all_forms(report)


def test_a_notebook_on_a_toy_data_set_is_named_by_file_and_cell(tmp_path):
    notebooks_only(tmp_path)
    result = check_result(judge([tmp_path]), "data-unique")
    assert (result.status, result.where) == ("fail", ["a.ipynb:2"])
    assert "titanic" in result.finding


@pytest.mark.parametrize("shaped", [links_in_a_loop_and_out_of_the_folder, settings_that_name_a_file_outside])
def test_nothing_outside_the_folder_is_read(tmp_path, shaped):
    (tmp_path / "item").mkdir()
    shaped(tmp_path / "item")
    report = judge([tmp_path / "item"])
    assert "titanic" not in report.model_dump_json() and report.role == "ml-engineer"


def test_a_file_that_may_not_be_read_counts_as_empty(tmp_path):
    write(tmp_path, "README.md", "# A thing\n")
    (tmp_path / "README.md").chmod(0)
    write(tmp_path, "closed/train.py", "1\n")
    (tmp_path / "closed").chmod(0)
    try:
        if os.access(tmp_path / "README.md", os.R_OK):
            pytest.skip("root may read everything")
        assert judge([tmp_path]).evidenced == -1
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_declaration_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    write(tmp_path, "portfolio.yaml", "role: ml-engineer\n")
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(BadDeclaration, match=r"portfolio\.yaml: cannot be read: Permission denied$"):
        judge([tmp_path])


def trap(folder: Path) -> Path:
    """A repository whose settings name a command at every point where git may run one; the file that it would make."""
    marker = folder.parent / "marker"
    bait = folder.parent / "bait"
    bait.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    bait.chmod(0o755)
    started(folder, **{"a__py": "print(1)\n", "__gitattributes": "* diff=bait filter=bait\n"})
    write(folder, "a.py", "print(2)\n")
    sign(folder)
    write(folder, "portfolio.yaml", "author: Ada\n")
    write(folder, "hooks/post-index-change", bait.read_text())
    for key in BAITED:
        git(folder, "config", key, str(bait))
    for key, value in {"log.showSignature": "true", "core.hooksPath": str(folder / "hooks")}.items():
        git(folder, "config", key, value)
    return marker


BAITED = ["core.fsmonitor", "core.pager", "pager.log", "pager.blame", "diff.external", "diff.bait.command"]
BAITED += ["diff.bait.textconv", "filter.bait.clean", "filter.bait.smudge", "filter.bait.process", "gpg.program"]
BAITED += ["core.editor", "core.sshCommand", "credential.helper", "alias.ls-files", "alias.log", "alias.blame"]


def sign(folder: Path) -> None:
    """A commit that says it is signed, so that git would ask a program about it."""
    git(folder, "commit", "--all", "--quiet", "--message", "Signed")
    head, _, body = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    seal = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    done = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        input=f"{head}\n{seal}\n\n{body}",
        cwd=folder,
        text=True,
        capture_output=True,
        check=True,
    )
    git(folder, "update-ref", "HEAD", done.stdout.strip())


@pytest.mark.parametrize("words", [["status"], ["log", "-1", "-p"], ["log", "-1"], ["diff", "HEAD"]])
def test_the_trap_would_run_its_command_for_others(tmp_path, words):
    (tmp_path / "item").mkdir()
    marker = trap(tmp_path / "item")
    subprocess.run(["git", *words], cwd=tmp_path / "item", capture_output=True)
    assert marker.exists()


def test_no_command_of_a_repository_is_run(tmp_path):
    (tmp_path / "item").mkdir()
    marker = trap(tmp_path / "item")
    in_all_forms(judge([tmp_path / "item"]))
    assert not marker.exists()


def promise(folder: Path, marker: Path) -> str:
    """Takes an object out of a repository that says where to fetch it, by a command; name of the object."""
    blob = git(folder, "rev-parse", "HEAD:a.py").strip()
    (folder / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    git(folder, "config", "core.repositoryformatversion", "1")
    git(folder, "config", "extensions.partialClone", "origin")
    git(folder, "config", "remote.origin.url", str(folder.parent))
    git(folder, "config", "remote.origin.promisor", "true")
    git(folder, "config", "remote.origin.uploadpack", f"touch {marker}; false")
    return blob


def test_nothing_is_fetched_for_a_repository_that_lacks_objects(tmp_path):
    folder, marker = tmp_path / "item", tmp_path / "marker"
    started(folder, **{"a__py": "print(1)\n"})
    blob = promise(folder, marker)
    in_all_forms(judge([folder]))
    assert not marker.exists()
    subprocess.run(["git", "cat-file", "-p", blob], cwd=folder, capture_output=True)
    assert marker.exists()


def test_git_finds_the_folder_that_is_named_even_inside_a_hook(tmp_path, monkeypatch):
    started(tmp_path / "item", **{"mine__py": "load_iris()\n"})
    started(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert check_result(judge([tmp_path / "item"]), "data-unique").where == ["mine.py:1"]


# Anything at all in one file of an item that has everything but its history


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = [
    "value",
    "low",
    "high",
    "differences",
    "slices",
    "results",
    "baseline_name",
    "data",
    "rows",
    "network",
    "stages",
]
WORDS += ["outs", "deps", "params", "path", "md5", "defaults", "sha256", "cost", "source", "columns", "split", "better"]
KEYS = st.sampled_from(WORDS) | st.text(max_size=4)
VALUES = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
TEXT = st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
MARKS = [
    "# ",
    "## 1. ",
    "[a](b)",
    "![a](b.png)",
    "```\n",
    "| 1.5 |",
    "<!--",
    "-->",
    "---\n",
    "95%",
    "\n",
    "&a [*a]",
    "role: ",
]
MARKED = st.lists(st.sampled_from(MARKS) | st.text(max_size=5), max_size=30).map(lambda parts: "".join(parts).encode())
JSON = VALUES.map(lambda value: json.dumps(value).encode())
ANY = {
    "README.md": TEXT | MARKED,
    "docs/article.md": TEXT | MARKED,
    "docs/model-card.md": MARKED,
    "portfolio.yaml": TEXT | MARKED | JSON,
    "reports/metrics.json": JSON,
    "reports/pages.json": JSON,
    "reports/reproduction.json": JSON,
    "reports/test_ledger.jsonl": JSON | TEXT,
    "dvc.lock": JSON | MARKED,
    "conf/config.yaml": JSON | MARKED,
    "conf/data/own.yaml": JSON | MARKED,
}


@pytest.fixture(scope="module")
def anything(finished, tmp_path_factory) -> Path:  # noqa: F811
    """The finished item without its history, and without most of the code to be quick."""
    folder = portfolio.copy(finished, tmp_path_factory.mktemp("anything"))
    shutil.rmtree(folder / ".git")
    for path in [*folder.glob("tests/*"), *folder.glob("src/*/*.py")]:
        if path.name not in ("model.py", "test_model.py"):
            path.unlink()
    return folder


@pytest.mark.parametrize("name", ANY)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_anything_in_a_file_is_judged_or_refused_in_a_line(anything, name, drawn):
    path = anything / name
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(drawn.draw(ANY[name]))
    try:
        report = judge(
            [anything], drawn.draw(st.sampled_from(["ml-engineer", "applied-research", "research-scientist"]))
        )
        assert report.evidenced < 0
        assert (report.model_dump_json() + show.page(report)).encode("utf-8")
    except BadDeclaration as error:
        assert name == "portfolio.yaml" and str(error).startswith(str(path))
    finally:
        path.unlink() if before is None else path.write_bytes(before)
