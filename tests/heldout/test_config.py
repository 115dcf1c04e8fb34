"""Settings: kinds are checked against conf/, errors take one line, own data is recorded."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from heldout import InputError, config
from ruamel.yaml import YAML

STAGE = """
import pathlib
from heldout import InputError, config, errors, stage

@stage
def main(cfg):
    if cfg.seed == 13:
        raise InputError("seed=13: bad luck")
    if cfg.seed == 14:
        open("data/prepared/x.npy")
    if cfg.seed == 15:
        return 1 / 0
    if cfg.seed == 16:
        errors.atomic_write(pathlib.Path("large.txt"), "x" * 9_000_000)
    if cfg.seed == 17:
        pathlib.Path("large.txt").write_text("x" * 9_000_000)
    config.record_own_data(cfg.data, "f" * 64)
    print(cfg.seed, repr(cfg.data.target), cfg.data.split, cfg.model.lr, config.output_dir())

if __name__ == "__main__":
    main()
"""
CONF = {
    "config.yaml": """# All settings.
defaults:
  - data: starter            # starter | own
  - model: network
  - trainer: ${device:}
  - _self_
  - override hydra/job_logging: none

seed: 0   # of everything
logger: [csv]
tune:
  trials: 20
  search: {model.lr: [1e-5, 1e-2, log]}
hydra:
  output_subdir: null
  run: {dir: .}
  sweep: {dir: runs, subdir: "${hydra.job.num}"}
""",
    "data/starter.yaml": """starter: true
path: a.csv
kaggle: null
sha256: null
read: null
target: power
positive: 0.5
drop: []
split: grouped
keep: false
cost: {miss: 5.0, ratios: [2, 5]}
""",
    "data/own.yaml": """starter: false
path: null      # a file
kaggle: null
sha256: null    # of the file
read: null
target: null    # a column
positive: null
drop: []
split: ${if:${data.target},time,grouped}
keep: false
cost:
  miss: 5.0     # of a defect
  ratios: [2, 5]
""",
    "model/network.yaml": "lr: 1e-3\nepochs: 3\nlayers: 2\nfreeze: 7\nsize: small\n",
    "model/linear.yaml": "lr: 1e-3\nepochs: 3\nlayers: 0\nfreeze: 9\nsize: small\n",
    "trainer/cpu.yaml": "devices: 1\ncompile: false\n",
    "trainer/cluster.yaml": "devices: ${oc.env:DEVICES,4}\ncompile: false\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one stage, which is the working directory."""
    for name, text in CONF.items():
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "a.csv").write_text("a,b\n")
    (tmp_path / "stage.py").write_text(STAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRAINER", "cpu")
    return tmp_path


def run_stage(*words: str, folder: Path | None = None, code: int = 0) -> str:
    """What `python stage.py WORDS` prints; for an error, the only line of stderr."""
    line = [sys.executable, str(Path("stage.py").resolve()), *words]
    environment = {key: os.environ[key] for key in os.environ if key != "HYDRA_FULL_ERROR"}
    done = subprocess.run(line, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.strip()
    return done.stdout.strip()


def test_stage_runs_with_defaults_overrides_and_sweeps(project):
    assert run_stage() == "0 'power' grouped 0.001 models"
    assert run_stage("seed=3", "model.lr=1e-2").startswith("3 'power' grouped 0.01")
    assert "runs/1" in run_stage("-m", "seed=1,2")
    # as Lightning starts the other processes of a training on several GPUs
    child = ['hydra.run.dir="."', "hydra.job.name=train_ddp_process_1", "hydra.output_subdir=null"]
    assert run_stage("seed=3", *child).endswith("models")
    assert run_stage('data.target="kWh (total)"').startswith("0 'kWh (total)'")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=13"], "seed=13: bad luck"),
        (["seed=14"], "data/prepared/x.npy: missing; make it with `uv run dvc repro`"),
        (["seeds=1"], "seeds: no such setting; do you mean seed?"),
        (["data.targt=a"], "data.targt: no such setting; do you mean data.target?"),
        (["-m", "seed=1,x"], "seed=x: write a whole number from 0 to 2^32"),
        (["-m", "model=network,resnet"], "In 'config': Could not find 'model/resnet' Available"),
        (["model=resnet"], "In 'config': Could not find 'model/resnet' Available"),
        (["seed"], "seed: write NAME=VALUE, as in seed=1"),
        (
            ["data.target=kWh (total)"],
            "data.target=kWh (total): quote the value, 'data.target=\"kWh (total)\"'",
        ),
        (["seed=1.5"], "seed=1.5: write a whole number from 0 to 2^32"),
        (["data.drop=a"], "data.drop=a: write a list, data.drop=[a]"),
        (["data=own"], "data=own: no data yet; give data.path=FILE or data.kaggle=NAME"),
        (["data.target=${data.nothing}"], "data.target: Interpolation key"),
    ],
)
def test_mistakes_take_one_line(project, words, message):
    assert f"error: {message}" in run_stage(*words, code=1)


def test_stage_refuses_a_subfolder_and_names_a_damaged_file(project):
    (project / "src").mkdir()
    line = run_stage(folder=project / "src", code=1)
    assert line == f"error: run this in the project's folder: cd {project}"
    (project / "conf/model/network.yaml").write_text("lr: [1\n")
    assert "network.yaml" in run_stage(code=1)
    (project / "conf/model/network.yaml").write_bytes(b"lr: 1 # \xfc\n")
    assert run_stage(code=1) == "error: conf/model/network.yaml: not UTF-8; save it as UTF-8"


def test_full_disk(disk, project, monkeypatch):
    small = disk("size=4m")
    shutil.copytree("conf", small / "conf")
    shutil.copy("stage.py", small)
    monkeypatch.chdir(small)
    assert run_stage("seed=16", code=1).startswith("error: large.txt: the disk is full (")
    assert sorted(path.name for path in small.iterdir()) == ["conf", "stage.py"]  # all or nothing
    (small / "filler").write_bytes(b"x" * 3_500_000)
    assert run_stage("seed=17", code=1).startswith("error: the disk is full (")


def test_mistake_in_code_keeps_its_traceback(project):
    line = [sys.executable, "stage.py", "seed=15"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert "ZeroDivisionError" in done.stderr and done.returncode == 1


def test_stage_called_with_a_configuration(project, monkeypatch):
    monkeypatch.syspath_prepend(project)
    import stage as module

    with pytest.raises(SystemExit, match="error: seed=13: bad luck"):
        module.main(config.compose("seed=13"))
    with pytest.raises(ZeroDivisionError):
        module.main(config.compose("seed=15"))
    del sys.modules["stage"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed=-1", "whole number"),
        ("seed=4294967296", "whole number"),
        ("seed=true", "whole number"),
        ("seed=null", "whole number"),
        ("tune.trials=many", "tune.trials=many: write a whole number"),
        ("tune.trials=0", r"tune.trials=0: write a whole number from 1 to 2\^32"),
        ("model.epochs=0", r"model.epochs=0: write a whole number from 1 to 2\^32"),
        ("model.lr=nan", "number, 0 or more"),
        ("model.lr=inf", "number, 0 or more"),
        ("model.lr=-1", "number, 0 or more"),
        ("model.lr=fast", "model.lr=fast: write a number"),
        ("data.cost.miss=dear", "data.cost.miss=dear: write a number"),
        ("tune=3", "tune=3: write a block of names and values"),
        ("tune.search=null", "tune.search=None: write a block of names and values"),
        ("data.cost=3", "data.cost=3: write a block of names and values"),
        ("data.cost.ratios=3", r"data.cost.ratios=3: write a list, data.cost.ratios=\[3\]"),
        ("data.drop=null", r"write a list, data.drop=\[\]"),
        ("logger=csv", r"logger=csv: write a list, logger=\[csv\]"),
        ("data.keep=maybe", "data.keep=maybe: write true or false"),
        ("model.size=[1]", r"model.size=\[1\]: write a text"),
    ],
)
def test_setting_of_another_kind_is_refused(project, word, message):
    with pytest.raises(InputError, match=message):
        config.check(config.compose(word), project)


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["data.target=2024"], "target", "2024"),
        (["data.drop=[2024,b]"], "drop", ["2024", "b"]),
        (["data=own", "data.path=7", "data.positive=good"], "positive", "good"),
        (["data=own", "data.path=7"], "path", "7"),
        (["data=own", "data.path=7", "data.target=b"], "split", "time"),
        (["data.cost.miss=12.5"], "cost", {"miss": 12.5, "ratios": [2, 5]}),
        (["data.cost.miss=12"], "cost", {"miss": 12, "ratios": [2, 5]}),
        (["data.cost.ratios=[3,4.5]"], "cost", {"miss": 5.0, "ratios": [3, 4.5]}),
        (["trainer.devices=auto"], "positive", 0.5),
        (["+data.extra=1"], "extra", 1),
        (["model.layers=0", "model.freeze=0"], "positive", 0.5),  # 0 is a default; trains all layers
    ],
)
def test_settings_that_are_accepted(project, words, key, value):
    cfg = config.compose(*words)
    config.check(cfg, project)
    assert cfg.data[key] == value


def test_compose_finds_the_project_from_below_and_fails_elsewhere(project, monkeypatch):
    (project / "docs").mkdir()
    monkeypatch.chdir(project / "docs")
    assert config.compose("seed=5").seed == 5
    monkeypatch.chdir("/")
    assert config.compose(root=project).seed == 0
    with pytest.raises(InputError, match=r"no conf/config.yaml here or above"):
        config.compose()


def test_own_data_is_recorded_and_comments_stay(project):
    words = ["data.path=a.csv", "data.target='a: #1 \"ü\"'", "data.drop=[x, 2024]"]
    output = run_stage("data=own", *words, "data.cost.miss=9")
    assert "conf/ now names your data; next: uv run dvc repro" in output
    own = Path("conf/data/own.yaml").read_text(encoding="utf-8")
    for comment in ("# a file", "# of the file", "# a column", "# of a defect"):
        assert comment in own
    choices = CONF["config.yaml"].replace("data: starter", "data: own    ")
    assert Path("conf/config.yaml").read_text() == choices  # comments stay where they are
    cfg = config.compose()
    assert (cfg.data.path, cfg.data.target, cfg.data.sha256) == ("a.csv", 'a: #1 "ü"', "f" * 64)
    assert cfg.data.drop == ["x", "2024"] and cfg.data.cost == {"miss": 9, "ratios": [2, 5]}
    assert cfg.data.read == datetime.now(UTC).date().isoformat()
    run_stage("data.target=b")  # a later command leaves the other settings as they are
    assert (config.compose().data.target, config.compose().data.path) == ("b", "a.csv")
    starter = Path("conf/data/starter.yaml")
    starter.write_text(starter.read_text().replace("sha256: null", "sha256: abc"))
    run_stage("data.sha256=null")  # though no file has null any more


TEXTS = ["yes", "off", "1:30", "2024-01-01", "01", "2024", "1e5", "0x1f", "null", "~", "", "é: #1"]
TEXTS += ["1" * 64, "1e" + "2" * 62, "a 'b' \"c\"", "C:\\data", "- a", "{a}", "x" * 300]


@pytest.mark.parametrize("text", TEXTS)
def test_recorded_texts_stay_texts_for_hydra_and_dvc(project, monkeypatch, text):
    words = ["data=own", "data.path=a.csv", "+data.positive=x", "data.drop=[x]", "data.cost.miss=9"]
    monkeypatch.setattr(config, "overrides_given", lambda: words)
    unchanged = Path("conf/data/own.yaml").read_text().splitlines()
    cfg = config.compose("data=own", "data.path=a.csv", "data.cost.miss=9")
    cfg.data.update({"positive": text, "drop": [text, text]})
    config.record_own_data(cfg.data, "1e" + "2" * 62)
    hydra = config.compose().data
    dvc = YAML(typ="safe").load(Path("conf/data/own.yaml"))
    assert hydra.positive == dvc["positive"] == text and hydra.drop == dvc["drop"] == [text, text]
    assert hydra.sha256 == dvc["sha256"] == "1e" + "2" * 62
    assert hydra.read == dvc["read"] == datetime.now(UTC).date().isoformat()
    # The other lines are as before, references and nulls included.
    lines = Path("conf/data/own.yaml").read_text(encoding="utf-8").splitlines()
    changed = [line for line in unchanged if line not in lines]
    names = [line.split(":")[0].strip() for line in changed]
    assert names == ["path", "sha256", "read", "positive", "drop", "miss"]


def test_nothing_is_recorded_without_own_data_or_overrides_of_it(project):
    files = {path: path.read_bytes() for path in project.rglob("*.yaml")}
    run_stage("data.target=b")  # of the starter
    run_stage("seed=2")
    assert {path: path.read_bytes() for path in project.rglob("*.yaml")} == files


def test_device_is_named_by_the_environment(project, monkeypatch):
    assert config.compose().trainer.devices == 1
    monkeypatch.setenv("TRAINER", "cluster")
    monkeypatch.setenv("DEVICES", "2")
    assert config.compose().trainer.devices == "2"
