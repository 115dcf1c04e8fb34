"""`heldout crossvalidate | leakage | tune | submit | remote` on a toy project of 30 lines."""

import json
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from heldout import cli, splits

SEARCH = ["~tune.search", "+tune.search={model.lr:[0.01,0.4],model.width:[2,9]}"]
CONF = {
    "pyproject.toml": """
        [tool.heldout]
        fit = "toyproject.train:fit"
        predict = "toyproject.train:predict"
        baseline = "toyproject.train:fit_predict"
        predict_competition = "toyproject.train:predict_competition"
    """,
    "conf/config.yaml": """
        defaults: [{data: starter}, {model: network}, _self_]
        seed: 0
        logger: [csv]
        bootstrap: 50
        folds: 3
        tune: {trials: 2, search: {model.lr: [0.01, 1.0, log], model.width: [2, 9]}}
    """,
    "conf/data/starter.yaml": "{starter: true, kaggle: null, split: grouped, sha256: null}",
    "conf/model/network.yaml": "{name: network, lr: 0.1, width: 4}",
    "conf/model/frozen.yaml": "{name: frozen, lr: 0.1, width: 1}",
    "src/toyproject/train.py": """
        import json
        from pathlib import Path
        import numpy as np
        import pandas as pd
        from heldout.torch import DivergedError

        X = np.load("data/prepared/x.npy")
        calls = []

        def fit(cfg, split, out):
            calls.append((cfg, split, out))
            if cfg.model.lr > 0.5:
                raise DivergedError(f"model.lr={cfg.model.lr}: the training diverged")
            labels = pd.read_parquet("data/prepared/samples.parquet").label[split == "train"]
            out.mkdir(parents=True, exist_ok=True)
            weight = np.corrcoef(X[split == "train"], labels)[0, 1]
            (out / "best.ckpt").write_text(json.dumps(weight))
            return float(cfg.model.lr)

        def predict(checkpoint, rows):
            return json.loads(checkpoint.read_text()) * X[rows]

        def fit_predict(cfg, name, split, rows):
            assert name == "logistic"
            return np.random.default_rng(0).random(len(rows))

        def predict_competition(folder, id_column):
            table = pd.read_csv(folder / "test.csv", dtype=str)
            return table[id_column], table.x.astype(float).to_numpy()
    """,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in CONF.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).strip() + "\n")
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(24), 5)
    label = rng.integers(2, size=120)
    samples = pd.DataFrame({"id": np.arange(120), "label": label, "group": group, "block": group})
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    samples["grouped"] = splits.grouped(group, label, shares, holdout=[3], n_draws=20)
    samples["random"] = splits.random(label, shares)
    write_prepared(tmp_path, samples, "classification", label + rng.normal(size=120))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "toyproject"]:
        del sys.modules[name]


def write_prepared(root: Path, samples: pd.DataFrame, task: str, x: np.ndarray) -> None:
    (root / "data/prepared").mkdir(parents=True, exist_ok=True)
    np.save(root / "data/prepared/x.npy", x)
    samples.to_parquet(root / "data/prepared/samples.parquet", index=False)
    (root / "data/prepared/schema.json").write_text(json.dumps({"task": task, "data": "ab12"}))
    (root / "reports").mkdir(exist_ok=True)
    metrics = {"threshold": None, "baseline_name": "logistic"}
    (root / "reports/metrics.json").write_text(json.dumps(metrics))


def append(project: Path, line: str) -> None:
    """Gives the project another `predict`."""
    with (project / "src/toyproject/train.py").open("a") as file:
        file.write(f"\n\ndef predict(checkpoint, rows):\n    {line}\n")


def heldout(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["heldout", *words])
        cli.main()


def refused(*words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        heldout(*words)
    assert "\n" not in str(stop.value) and str(stop.value).startswith("error: ")
    return str(stop.value).removeprefix("error: ")


def calls() -> list:
    return sys.modules["toyproject.train"].calls


def ledger_lines(project: Path) -> list[dict]:
    text = (project / "reports/test_ledger.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_crossvalidation_tests_each_sample_once_and_is_recorded(project, capsys):
    heldout("crossvalidate", "model.lr=0.2")
    report = json.loads((project / "reports/crossvalidation-network.json").read_text())
    assert report["n"] == 120 and report["folds"] == 3 and report["metric"] == "auc"
    assert report["data"] == "ab12" and report["model"] == "network"
    gap = report["network"]["value"] - report["baseline"]["value"]
    assert report["difference"]["value"] == pytest.approx(gap, abs=2e-6)
    assert report["network"]["low"] < report["network"]["value"] < report["network"]["high"]
    assert report["network"]["value"] > 0.65  # labels shift x by one standard deviation
    for cfg, split, _ in calls():
        assert cfg.model.lr == 0.2 and list(cfg.logger) == []
        assert {*split} == {"train", "val", "test"}
    tested = np.array([split == "test" for _, split, _ in calls()])
    assert (tested.sum(0) == 1).all() and len(tested) == 3
    [line] = ledger_lines(project)
    assert line["stage"] == "crossvalidate, network" and line["score"] == report["network"]["value"]
    assert "fold 3 of 3" in capsys.readouterr().out


def test_crossvalidation_of_a_forecast_keeps_the_order_of_time(project):
    n = 200
    time = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(n), "D")
    samples = pd.DataFrame({"id": np.arange(n), "label": np.arange(n) % 7.0, "start": time})
    samples = samples.assign(end=time, group="a", block=np.arange(n) // 10)
    samples["time"] = samples["random"] = "train"
    write_prepared(project, samples, "regression", np.arange(n) % 7.0)
    append(project, "return np.stack([X[rows] - 9, X[rows], X[rows] + 9], 1)")
    heldout("crossvalidate", "data.split=time")
    report = json.loads((project / "reports/crossvalidation-network.json").read_text())
    assert report["metric"] == "mae" and report["network"]["value"] == 0  # the median counts
    for _, split, _ in calls():
        last, first = np.flatnonzero(split == "train").max(), np.flatnonzero(split == "test").min()
        assert last < np.flatnonzero(split == "val").min() < first


def test_leakage_trains_the_fast_network_on_both_splits(project):
    heldout("leakage")
    report = json.loads((project / "reports/leakage.json").read_text())
    assert {*report} == {"grouped", "random", "data", "model"} and report["model"] == "frozen"
    samples = pd.read_parquet("data/prepared/samples.parquet")
    for strategy, (_, split, _) in zip(("grouped", "random"), calls(), strict=True):
        # the held-out group is in no test set
        assert {*split[samples.group == 3]} == {"unseen"}
        others = (samples.group != 3).to_numpy()
        assert (split[others] == samples[strategy][others]).all()
    assert [line["stage"] for line in ledger_lines(project)] == [
        "leakage, grouped split",
        "leakage, random split",
    ]
    heldout("leakage", "model=network")
    assert json.loads((project / "reports/leakage.json").read_text())["model"] == "network"


def test_a_prediction_that_is_not_finite_is_refused(project):
    append(project, "return X[rows] * np.nan")
    assert refused("crossvalidate").startswith("network: a prediction is not finite")
    assert not (project / "reports/test_ledger.jsonl").exists()


def test_an_interrupted_search_resumes_and_sees_no_test_label(project, capsys):
    import optuna

    heldout("tune", "tune.trials=1", *SEARCH)
    heldout("tune", "tune.trials=3", *SEARCH)
    [study] = optuna.get_all_study_summaries("sqlite:///runs/tune.db")
    assert study.n_trials == 3
    assert len({cfg.model.lr for cfg, _, _ in calls()}) == 3
    assert all(type(cfg.model.width) is int for cfg, _, _ in calls())
    assert all({*split} == {"train", "val", "-"} for _, split, _ in calls())
    assert "model.lr=" in capsys.readouterr().out
    assert not list(Path("runs/tune").iterdir()) and not Path("models").exists()
    heldout("tune", "tune.trials=1", *SEARCH, "model=frozen")
    assert len(optuna.get_all_study_summaries("sqlite:///runs/tune.db")) == 2


def test_a_search_in_which_all_trials_diverge_says_so(project):
    message = "all 2 trials diverged; lower the ranges of tune.search"
    assert refused("tune", "~tune.search", "+tune.search={model.lr:[0.6,0.9]}") == message


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("{seed:[1,9]}", "tune.search: seed: write settings of the model, as in model.lr"),
        ("{model.epoch:[1,9]}", "tune.search: model.epoch: write settings of the model"),
        ("{model.width:[9,2]}", "tune.search: model.width=[9, 2]: write [low, high] or"),
        ("{model.width:[1,many]}", "tune.search: model.width=[1, 'many']: write [low, high]"),
        ("{model.lr:3}", "tune.search.model.lr=3: write a list"),
    ],
)
def test_a_search_space_without_sense_is_refused_before_it_begins(project, search, message):
    assert refused("tune", "~tune.search", f"+tune.search={search}").startswith(message)
    assert "toyproject.train" not in sys.modules or not calls()


def test_the_submission_has_the_order_and_ids_of_the_sample(project, monkeypatch, capsys):
    folder = project / "data/raw/titanic"
    folder.mkdir(parents=True)
    (folder / "sample_submission.csv").write_text("Id,Target\n007,0\n3,0\n")
    (folder / "test.csv").write_text("Id,x\n3,0.25\n007,0.5\n9,1\n")
    conf = project / "conf/data/starter.yaml"
    assert refused("submit").startswith("conf/data: kaggle names no competition")
    conf.write_text(conf.read_text().replace("kaggle: null", "kaggle: titanic"))
    heldout("submit")
    assert (project / "submission.csv").read_text() == "Id,Target\n007,0.5\n3,0.25\n"

    sent = []
    api = SimpleNamespace(COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE="no")
    api.competition_submit = lambda *words, quiet: sent.append(words) or SimpleNamespace(message="ok")
    monkeypatch.setattr("heldout.fetch.kaggle", lambda: api)
    heldout("submit", "first", "try")
    assert sent == [("submission.csv", "first try", "titanic")]
    assert "ok" in capsys.readouterr().out
    api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE = "ok"
    assert refused("submit", "again").endswith("competitions/titanic: ok")
    assert refused("submit", "--help").startswith('--help: give a message, such as "first try"')

    (folder / "test.csv").write_text("Id,x\n3,0.25\n9,1\n")
    assert refused("submit") == "sample_submission: row 2: 007 is not in the test data"
    (folder / "test.csv").write_text("Id,x\n3,0.25\n3,1\n")
    assert refused("submit") == "test data: id 3 occurs twice; give unique ids"
    (folder / "sample_submission.csv").write_text("Id,a,b\n3,0,0\n")
    assert refused("submit").startswith("sample_submission: columns Id, a, b; expected an id")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["frobnicate"],
            "frobnicate: choose from crossvalidate, leakage, tune, submit, remote, pub",
        ),
        (["remote", "there"], "remote there: choose from start, keep, finish, home"),
        (["tune", "model=foo"], "In 'config': Could not find 'model/foo'"),
        (["tune", "model.lr=abc"], "model.lr=abc: write a number"),
    ],
)
def test_words_that_are_no_command_or_setting_get_one_line(project, words, message):
    assert refused(*words).startswith(message)


def test_help_lists_the_commands(project, capsys):
    for words in (["--help"], []):
        heldout(*words)
        output = capsys.readouterr().out
        assert all(f"\n  {name} " in output for name in cli.COMMANDS)


def test_a_project_without_its_files_gets_one_line(project, monkeypatch):
    shutil.rmtree("data")
    assert refused("leakage") == "data/prepared: missing or damaged; run `uv run dvc repro`"
    text = Path("pyproject.toml").read_text()
    Path("pyproject.toml").write_text(text.replace("fit =", "train ="))
    assert refused("tune").startswith("pyproject.toml: [tool.heldout]: write fit = ")
    Path("pyproject.toml").write_text(text.replace("train:fit", "train:fitted"))
    (project / "src/toyproject/train.py").write_text("import numpy\n")
    assert refused("tune").startswith("pyproject.toml: [tool.heldout]: fit = toyproject.train:fitted")
    monkeypatch.chdir(project / "src")
    assert refused("tune").startswith("run this in a project's folder")


def test_damaged_settings_and_missing_files_get_one_line(project):
    conf = project / "conf/model/network.yaml"
    conf.write_bytes(b"name: network # \xfc\n")
    assert refused("tune") == "conf/model/network.yaml: not UTF-8; save it as UTF-8"
    conf.write_text("lr: [1\n")
    assert "network.yaml" in refused("tune")
    conf.write_text(CONF["conf/model/network.yaml"])
    Path("data/prepared/x.npy").unlink()
    assert refused("tune") == "data/prepared/x.npy: missing; make it with `uv run dvc repro`"


def test_an_error_in_the_projects_code_keeps_its_traceback(project):
    (project / "src/toyproject/train.py").write_text("import no_such_package\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        heldout("tune")


@pytest.fixture
def with_remote(project):
    """A project under git and DVC, whose remote is a folder; returns that folder."""
    pytest.importorskip("dvc")
    (project / "dvc.yaml").write_text("stages:\n  report:\n    cmd: echo reported > reports/page.md\n")
    (project / "dvc.lock").write_text("schema: '2.0'\n")
    (project / ".gitignore").write_text("/runs\n/data\n")
    storage = project.with_name(f"{project.name}-remote")
    name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (
        ["git", "init", "--quiet"],
        [sys.executable, "-m", "dvc", "init", "--quiet"],
        [sys.executable, "-m", "dvc", "remote", "add", "--default", "storage", str(storage)],
        ["git", "add", "--all"],
        ["git", *name, "commit", "--quiet", "--message", "First"],
    ):
        subprocess.run(words, check=True)
    return storage


def test_an_unfinished_training_travels_and_results_come_home(with_remote, project, monkeypatch):
    from heldout import remote

    run = project / "runs/training/abc"
    run.mkdir(parents=True)
    with zipfile.ZipFile(run / "last.ckpt", "w") as file:
        file.writestr("weights", "1")

    def stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", stop)
    (run / "best.ckpt").write_bytes(b"half")
    with pytest.raises(KeyboardInterrupt):
        remote.keep()
    assert not (with_remote / "cloud/training.tar").exists()  # half a checkpoint is not sent
    (run / "best.ckpt").unlink()
    with pytest.raises(KeyboardInterrupt):
        remote.keep()
    shutil.rmtree(project / "runs")
    (project / "runs/training/old").mkdir(parents=True)
    heldout("remote", "start")
    assert zipfile.is_zipfile(run / "last.ckpt") and not run.with_name("old").exists()

    assert refused("remote", "home") == "the DVC remote has no results yet"
    ledger = project / "reports/test_ledger.jsonl"
    ledger.write_text('{"time": "2026-02-02"}\n')
    heldout("remote", "finish")
    assert not (with_remote / "cloud/training.tar").exists()
    assert tarfile.is_tarfile(with_remote / "cloud/results.tar")

    ledger.write_text('{"time": "2020-02-02"}\n')  # evaluated here in the meantime
    assert refused("remote", "home").endswith("have uncommitted changes; commit them first")
    name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", *name, "commit", "--quiet", "--message", "Ledger"], check=True)
    heldout("remote", "home")
    assert ledger.read_text() == '{"time": "2020-02-02"}\n{"time": "2026-02-02"}\n'
    assert (project / "reports/page.md").read_text() == "reported\n"
    heldout("remote", "start")
    assert not (with_remote / "cloud/results.tar").exists()  # those of an earlier run


def test_without_a_dvc_remote_there_is_one_line(with_remote, project):
    subprocess.run([sys.executable, "-m", "dvc", "remote", "remove", "storage"], check=True)
    assert refused("remote", "start").startswith("config file error: no remote specified")
    shutil.rmtree(project / ".dvc")
    assert refused("remote", "start").startswith("you are not inside of a DVC repository")
