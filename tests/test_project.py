"""The generated project as its owner uses it: tests, pipeline, DVC, site."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from conftest import PACKAGE, bake

KNOBS = {  # makes the whole pipeline small, by its own files
    "conf/model/network.yaml": {"size": 64, "epochs": 1},
    "conf/model/frozen.yaml": {"size": 64, "epochs": 1},
    "conf/config.yaml": {"bootstrap": 20},
}


def turn(project: Path, knobs: dict[str, dict[str, float]]) -> None:
    """Sets knobs as a person would, by editing the line."""
    for name, values in knobs.items():
        path = project / name
        text = path.read_text()
        for key, value in values.items():
            text, count = re.subn(rf"^{key}: \S+", f"{key}: {value}", text, flags=re.MULTILINE)
            assert count == 1, (name, key)
        path.write_text(text)


def reran(output: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", output)


def git(project: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=project, capture_output=True, text=True, check=True).stdout


def test_its_own_tests_pass(run):
    print(run("pytest", "-q", "-m", "slow or not slow").splitlines()[-1])


@pytest.fixture(scope="session")
def trained(installed, run):
    """The installed project after the whole pipeline, made small, has run on all the data."""
    turn(installed, KNOBS)
    output = run("dvc", "repro")
    assert reran(output) == ["prepare", "baseline", "train", "leak", "export", "evaluate", "report"]
    git(installed, "add", "--all")
    git(installed, "commit", "--quiet", "--message", "First run")
    return installed


def test_nothing_is_left_uncommitted(trained):
    assert git(trained, "status", "--porcelain") == ""
    assert not re.search(r"\.(ckpt|onnx|npy|parquet)$", git(trained, "ls-files"), re.MULTILINE)


def test_second_run_and_a_comment_rerun_nothing(trained, run):
    assert reran(run("dvc", "repro")) == []
    for name in ("docs/article.md", "README.md", "conf/model/network.yaml"):
        path = trained / name
        before = path.read_text()
        path.write_text(f"{before}\n{'<!-- a note -->' if name.endswith('md') else '# a note'}\n")
        assert run("dvc", "status").strip() == "Data and pipelines are up to date.", name
        path.write_text(before)


def test_another_learning_rate_reruns_from_train(trained, run):
    turn(trained, {"conf/model/network.yaml": {"lr": "1e-4"}})
    assert "1e-4" in run("dvc", "params", "diff").replace("0.0001", "1e-4")
    dry = reran(run("dvc", "repro", "--dry"))
    git(trained, "checkout", "--quiet", "conf")
    assert dry[0] == "train" and not {"prepare", "baseline", "leak"} & set(dry)


def test_dvc_shows_metrics_and_plots(trained, run):
    metrics = json.loads(run("dvc", "metrics", "show", "--json"))
    shown = metrics[""]["data"]["reports/metrics.json"]["data"]
    measured = json.loads((trained / "reports/metrics.json").read_text())
    assert shown["test"] == measured["test"] and shown["difference"] == measured["difference"]
    run("dvc", "plots", "show", "--out", "runs/plots")
    page = (trained / "runs/plots/index.html").read_text()
    assert "val" in page and "loss" in page


def test_a_bad_setting_gets_one_line(trained, run):
    with pytest.raises(AssertionError, match=r"error: the split has SHA-256") as error:
        run("python", "-m", f"{PACKAGE}.prepare", "data.split_seed=1", "data.draws=5")
    assert "Traceback" not in str(error.value)


def test_site_builds(trained, run):
    run("mkdocs", "build", "--strict", "--quiet")
    assert (trained / "site/article/index.html").exists()


@pytest.mark.slow
def test_the_whole_default_pipeline(tmp_path):
    project = bake(tmp_path, setup="train")
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert metrics["difference"]["auc"]["low"] > 0
    assert git(project, "log", "--format=%s").split("\n")[0] == "First run"
    assert git(project, "status", "--porcelain") == ""
