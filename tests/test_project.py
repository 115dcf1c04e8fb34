"""The generated project in use: its tests, pipeline, DVC, site, own data, a competition."""

import json
import os
import re
import shutil
import socket
import subprocess

import numpy as np
import pytest
from conftest import DEMO, PACKAGE, PAIRS, SLUG, STAGES, TEMPLATE, bake, command, git, install, reran, turn
from servers import Answer, zipped


def test_its_own_tests_pass(run):
    print(run("pytest", "-q", "-m", "slow or not slow").splitlines()[-1])


def test_nothing_is_left_uncommitted(trained):
    assert git(trained, "status", "--porcelain") == ""
    binaries = re.findall(r"^.*\.(?:ckpt|onnx|npy|parquet)$", git(trained, "ls-files"), re.MULTILINE)
    assert binaries == ["docs/demo/model.onnx"]


def test_a_second_run_or_a_comment_reruns_nothing(trained, run):
    assert reran(run("dvc", "repro")) == []
    for name in ("docs/article.md", "README.md", "conf/model/network.yaml"):
        path = trained / name
        text = path.read_text()
        path.write_text(f"{text}\n{'<!-- a note -->' if name.endswith('md') else '# a note'}\n")
        assert run("dvc", "status").strip() == "Data and pipelines are up to date.", name
        path.write_text(text)


def test_another_learning_rate_reruns_from_train(trained, run):
    turn(trained, {"conf/model/network.yaml": {"lr": "1e-4"}})
    assert "1e-4" in run("dvc", "params", "diff").replace("0.0001", "1e-4")
    dry = reran(run("dvc", "repro", "--dry"))
    git(trained, "checkout", "--quiet", "conf")
    assert dry[0] == "train" and not {"prepare", "baseline"} & set(dry)


def test_dvc_shows_metrics_and_plots(trained, run):
    metrics = json.loads(run("dvc", "metrics", "show", "--json"))
    shown = metrics[""]["data"]["reports/metrics.json"]["data"]
    report = json.loads((trained / "reports/metrics.json").read_text())
    assert shown["results"] == report["results"] and shown["differences"] == report["differences"]
    run("dvc", "plots", "show", "--out", "runs/plots")
    page = (trained / "runs/plots/index.html").read_text()
    assert "val" in page and "loss" in page


def test_a_bad_setting_gets_one_line(trained, run):
    with pytest.raises(AssertionError, match=r"error: .*SHA-256") as error:
        run("python", "-m", f"{PACKAGE}.data", f"data.sha256={'0' * 64}")
    assert "Traceback" not in str(error.value)


def test_site_builds(trained, run):
    run("mkdocs", "build", "--strict")
    assert (trained / "site/article/index.html").exists()


REQUEST = """
import json, sys
from gradio_client import Client, handle_file
address, name, path = sys.argv[1:]
print(json.dumps(Client(address, verbose=False).predict(handle_file(path), api_name=name)))
"""


@pytest.mark.slow
def test_the_space_predicts_in_an_environment_of_its_own(starter, trained, run, tmp_path, web):
    """The environment has only the packages of requirements.txt; the variables are those of ZeroGPU."""
    run("heldout", "publish", "space")
    space = shutil.copytree(trained / "runs/space", tmp_path / "space")
    uv = os.environ["UV"]
    subprocess.run([uv, "venv", "-q", space / ".venv"], check=True)
    install = [uv, "pip", "install", "-q", "--python", space / ".venv", "-r", space / "requirements.txt"]
    subprocess.run(install, check=True)
    python = space / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = subprocess.run([uv, "pip", "list", "--python", python], capture_output=True, text=True, check=True)
    assert not re.search("^(torch|pyarrow|scikit-learn|dvc) ", packages.stdout, re.MULTILINE)

    example = sorted((trained / "docs/examples").iterdir())[0]
    expected = float(run("python", "-m", f"{PACKAGE}.predict", str(example)).split("\t")[1])
    web.files["/startup-report"] = Answer()  # a Space with a ZeroGPU function reports here when it starts
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"GRADIO_SERVER_PORT": f"{port}", "SPACES_ZERO_GPU": "1", "SPACES_ZERO_DEVICE_API_URL": web.address}
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | settings
    [script] = re.findall(r"^app_file: (\S+)$", (space / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    with subprocess.Popen([python, script], cwd=space, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert "Running on local URL" in process.stdout.readline()
            request = [python, "-c", REQUEST, f"http://127.0.0.1:{port}", DEMO[starter], example]
            response = subprocess.run(request, capture_output=True, text=True, check=True).stdout
        finally:
            process.terminate()
    numbers = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", response)]
    assert min(abs(number - expected) / max(1, expected) for number in numbers) < 1e-3
    assert web.asked == ["/startup-report"]


@pytest.mark.slow
@pytest.mark.parametrize("starter", PAIRS)
def test_the_whole_default_pipeline(tmp_path, starter):
    project = bake(tmp_path, starter=starter, setup="train")
    metrics = json.loads((project / "reports/metrics.json").read_text())
    key = "auc" if metrics["task"] == "classification" else "mae"
    reference = metrics["baseline_name"]
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| `{starter}` \|[^|]*\|[^|]*?([\d.]+)[^|\d]*\|[^|]*?([\d.]+)[^|]*\|", readme, re.M)
    for model, value in zip(("network", reference), row, strict=True):  # results differ slightly between processors
        assert metrics["results"][model][key]["value"] == pytest.approx(float(value), rel=0.02)
    difference = metrics["differences"][reference][key]
    significant = {"solar-cells": difference["low"] > 0, "wind-turbines": difference["high"] < 0}
    assert significant.get(starter, True), "the README reports a significant difference"
    assert git(project, "log", "--format=%s").split("\n")[0] == "First run"
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize("starter", PAIRS)
@pytest.mark.parametrize("role", ["ml-engineer", "applied-research", "research-scientist"])
def test_every_starter_passes_its_tests_in_every_role(tmp_path, starter, role):
    project = install(bake(tmp_path, starter=starter, target_role=role))
    print(command(project, "pytest", "-q", "-m", "slow or not slow").splitlines()[-1])


# Own data, as described in the README: real datasets from packages that no starter uses.
DIGITS = """
from pathlib import Path
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
digits = load_digits()
for i, (digit, name) in enumerate(zip(digits.images, digits.target)):
    folder = Path("digits", str(name))
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.uint8(digit * 15)).resize((64, 64)).save(folder / f"{i}.png")
"""
OWN = {  # package, settings of the data stage, task
    "solar-cells": ("", ["data.path=digits", "data.positive=8", "data.size=64"], "classification"),
    "wind-turbines": (
        "vega_datasets==0.9.0",
        [
            "data.path=package:vega_datasets/vega_datasets/_data/seattle-temps.csv",
            *("data.time=date", "data.target=temp", "data.horizon=6"),
        ],
        "regression",
    ),
    "caravan-insurance": (
        "statsmodels>=0.14",
        ["data.path=package:statsmodels/statsmodels/datasets/randhie/randhie.csv", "data.target=mdvis"],
        "regression",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("starter", OWN)
def test_own_data_replaces_the_starter(tmp_path, starter):
    package, settings, task = OWN[starter]
    project = install(bake(tmp_path, starter=starter, project_slug=SLUG))
    if package:
        subprocess.run(
            [os.environ["UV"], "pip", "install", "-q", "--no-deps", "--python", ".venv", package],
            cwd=project,
            check=True,
        )
    else:
        command(project, "python", "-c", DIGITS)
        turn(project, {"conf/model/network.yaml": {"size": 64, "epochs": 3}, "conf/model/frozen.yaml": {"size": 64}})
    command(project, "python", "-m", f"{PACKAGE}.data", "data=own", *settings)
    assert "data: own" in (project / "conf/config.yaml").read_text()
    output = command(project, "dvc", "repro")
    assert reran(output) == STAGES
    assert "docs/article.md" in output, "the report lists the pages about the starter's data"
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert metrics["task"] == task
    key, sign = ("auc", 1) if task == "classification" else ("mae", -1)
    network, constant = (metrics["results"][model][key]["value"] for model in ("network", "constant"))
    assert sign * (network - constant) > 0
    assert "Unmodified starter" not in (project / "README.md").read_text()
    command(project, "mkdocs", "build", "--strict")
    assert reran(command(project, "dvc", "repro")) == []


@pytest.mark.slow
def test_a_competition_from_its_data_to_the_submission(tmp_path, kaggle):
    rng = np.random.default_rng(0)
    table = [f"{i},{age},{age > 50}" for i, age in enumerate(rng.integers(20, 80, 400))]
    files = {
        "train.csv": "\n".join(["id,age,left", *table]),
        "test.csv": "\n".join(["id,age", *(row.rsplit(",", 1)[0] for row in table[:60])]),
        "sample_submission.csv": "\n".join(["id,left", *(f"{i},0" for i in reversed(range(60)))]),
    }
    kaggle.archives["leavers"] = Answer(zipped({name: text.encode() for name, text in files.items()}))
    project = install(bake(tmp_path, starter="caravan-insurance", project_slug=SLUG))
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "from kagglesdk import kaggle_env\n"
        f"kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = {kaggle.address!r}\n"
    )

    def run_with_kaggle(*words: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(site))
            return command(project, "--with", "kaggle", "--with", "six", *words)

    settings = ["data=own", "data.kaggle=leavers", "data.target=left", "data.id=id"]
    run_with_kaggle("python", "-m", f"{PACKAGE}.data", *settings)
    command(project, "dvc", "repro")
    assert "60 rows" in run_with_kaggle("heldout", "submit")
    assert kaggle.submissions == []
    assert "Successfully submitted" in run_with_kaggle("heldout", "submit", "first", "try")
    [sent] = kaggle.submissions
    assert sent["message"] == "first try"
    rows = sent["content"].decode().splitlines()
    assert rows[0] == "id,left" and [row.split(",")[0] for row in rows[1:]] == [str(i) for i in reversed(range(60))]
    submitted = dict(row.split(",") for row in rows[1:])
    probabilities = np.array([float(submitted[str(i)]) for i in range(60)])
    is_old = np.array([int(row.split(",")[1]) > 50 for row in table[:60]])
    assert probabilities[is_old].mean() > probabilities[~is_old].mean()
