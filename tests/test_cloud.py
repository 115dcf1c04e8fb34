"""Training elsewhere: the launchers' own words, on this machine as on a rented one. Only the machine is missing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import PACKAGE, SLUG, bake, command, git, install, reran, turn

pytestmark = pytest.mark.slow
FEW = {
    "conf/model/network.yaml": {"members": 4, "epochs": 40},
    "conf/config.yaml": {"bootstrap": 20},
}
SLURM = """#!{python}
# srun without SLURM: the command once for each task, with the variables that a task gets.
import os, subprocess, sys
count, words = int(os.environ["SLURM_NTASKS"]), sys.argv[1:]
while words[0].startswith("--"):
    count = int(words[1]) if words[0] == "--ntasks" else count
    words = words[2:]
told = dict(SLURM_NTASKS=count, SLURM_NTASKS_PER_NODE=1, SLURM_NNODES=count, SLURM_LOCALID=0)
told = dict(told, SLURM_JOB_ID=7, SLURM_JOB_NAME="train", SLURM_NODELIST="localhost")
each = [{{k: str(v) for k, v in dict(told, SLURM_PROCID=i, SLURM_NODEID=i).items()}} for i in range(count)]
tasks = [subprocess.Popen(words, env=os.environ | variables) for variables in each]
sys.exit(max(task.wait() for task in tasks))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that trains for a minute, committed, with a folder as its DVC remote."""
    project = install(bake(tmp_path, starter="caravan-insurance", project_slug=SLUG))
    turn(project, FEW)
    command(project, "dvc", "remote", "add", "--default", "storage", str(tmp_path / "remote"))
    git(project, "commit", "--quiet", "--all", "--message", "Small, with a remote")
    return project


def uvx(package: str, *words: str, **options: object) -> subprocess.CompletedProcess:
    """Runs a tool in an environment of its own; skips where it cannot be installed."""
    tool = [os.environ["UV"], "tool", "run", "--from", package]
    if subprocess.run([*tool, "python", "--version"], capture_output=True).returncode:
        pytest.skip(f"{package} cannot be installed here")
    return subprocess.run([*tool, *words], capture_output=True, text=True, **options)


def epochs(output: str) -> list[int]:
    """The epochs that a training's bar showed."""
    return [int(number) for number in re.findall(r"Epoch (\d+):", output)]


def came_home(project: Path) -> None:
    """`home` brings the lock, the reports and the model, and nothing is left to run."""
    command(project, "heldout", "remote", "home")
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert f"{metrics['results']['network']['auc']['value']:.3f}" in (project / "README.md").read_text()
    assert (project / "models/model.onnx").exists() and (project / "models/best.ckpt").exists()
    assert reran(command(project, "dvc", "repro")) == []


def test_skypilot_accepts_the_task(baked, tmp_path):
    script = "import sky; task = sky.Task.from_yaml('cloud/train.yaml')\n"
    script += "for each in task.resources: print(*each.accelerators, each.use_spot, each.autostop_config.down)"
    home = {"HOME": str(tmp_path), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
    done = uvx("skypilot==0.14.1", "python", "-c", script, cwd=baked, env=os.environ | home)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1:] for line in done.stdout.splitlines()] == [["True", "True"]] * 6


class Machines:
    """Rented machines: clean clones in which the task's setup and run are under way."""

    def __init__(self, project: Path, folder: Path, nodes: int) -> None:
        self.logs = [folder / f"{node}.log" for node in range(nodes)]
        self.started = [self.start(project, folder / str(node), nodes, node) for node in range(nodes)]

    def start(self, project: Path, clone: Path, nodes: int, node: int) -> subprocess.Popen:
        subprocess.run(["git", "clone", "--quiet", project, clone], check=True)
        task = yaml.safe_load((clone / "cloud/train.yaml").read_text())
        told = {"NUM_NODES": nodes, "NODE_RANK": node, "NUM_GPUS_PER_NODE": 1, "NODE_IPS": "127.0.0.1\n" * nodes}
        variables = {f"SKYPILOT_{name}": str(value) for name, value in told.items()}
        return subprocess.Popen(
            ["bash", "-c", f"{task['setup']}\n{task['run']}"],
            cwd=clone,
            env=os.environ | task["envs"] | variables | {"TRAINER": "cpu"},
            stdout=self.logs[node].open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Takes all of them away at once."""
        for process in self.started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait(self) -> str:
        """What the first one printed; each has to end well."""
        ends = [process.wait() for process in self.started]
        output = self.logs[0].read_text()
        assert ends == [0] * len(ends), output[-6000:]
        return output


@pytest.mark.parametrize("nodes", [1, 2])
def test_machines_that_are_taken_away_go_on_elsewhere(project, tmp_path, nodes):
    kept, results = (tmp_path / f"remote/cloud/{name}.tar" for name in ("training", "results"))
    machines = Machines(project, tmp_path / "first", nodes)
    while not kept.exists():
        assert machines.started[0].poll() is None, machines.logs[0].read_text()[-6000:]
        time.sleep(0.1)
    machines.kill()
    shutil.rmtree(tmp_path / "first")
    assert not results.exists()

    output = Machines(project, tmp_path / "second", nodes).wait()
    assert "an unfinished training goes on" in output
    assert "MEMBER: 1/2" in output or nodes == 1
    trained = epochs(output[: output.index("lowest loss")])
    assert min(trained) > 0 and max(trained) == 39
    assert results.exists() and not kept.exists()
    came_home(project)
    lines = (project / "models/history/plots/metrics/train/loss.tsv").read_text().splitlines()[1:]
    steps = [int(line.split()[0]) for line in lines]
    assert steps == sorted(set(steps)) and len(steps) >= 39  # a kill may fall between a checkpoint and its line


@pytest.mark.parametrize("nodes", [1, 2])
def test_slurm(project, tmp_path, nodes):
    stub = tmp_path / "bin/srun"
    stub.parent.mkdir()
    stub.write_text(SLURM.format(python=sys.executable))
    stub.chmod(0o755)
    turn(project, {"conf/model/network.yaml": {"epochs": 2}})
    variables = {"SLURM_NTASKS": str(nodes), "TRAINER": "cpu", "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}"}
    told = {"cwd": project, "env": os.environ | variables, "capture_output": True, "text": True}
    done = subprocess.run(["bash", "cloud/train.sbatch"], **told)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"MEMBER: 1/{nodes}" in done.stderr or nodes == 1
    assert reran(command(project, "dvc", "repro")) == []


def test_the_notebook(project, tmp_path):
    command(project, "dvc", "remote", "remove", "storage")
    turn(project, {"conf/model/network.yaml": {"epochs": 2}})
    git(project, "commit", "--quiet", "--all", "--message", "No remote")
    folder = tmp_path / "notebook"
    folder.mkdir()
    shutil.copy(project / "cloud/train.ipynb", folder)
    here = {f"url.{project}.insteadOf": f"https://github.com/your-github-name/{SLUG}", "safe.directory": "*"}
    settings = {"GIT_CONFIG_COUNT": str(len(here))}
    for i, (key, value) in enumerate(here.items()):
        settings |= {f"GIT_CONFIG_KEY_{i}": key, f"GIT_CONFIG_VALUE_{i}": value}
    words = ["--with", "ipykernel==7.1.0", "jupyter-execute", "train.ipynb"]
    done = uvx("nbclient==0.10.2", *words, cwd=folder, env=os.environ | settings)
    assert done.returncode == 0, done.stderr[-6000:]
    shutil.unpack_archive(folder / "results.zip", tmp_path / "results")
    command(project, "dvc", "remote", "add", "--local", "--default", "download", str(tmp_path / "results"))
    came_home(project)


def test_a_fresh_clone_pulls_everything_from_s3(tmp_path, s3):
    s3("models", {})
    project = install(bake(tmp_path, starter="caravan-insurance", project_slug=SLUG))
    turn(project, FEW | {"conf/model/network.yaml": {"members": 4, "epochs": 1}})
    [line] = re.findall(r"^\| S3.*`(uv add .*)`", (project / "docs/reproduce.md").read_text(), re.MULTILINE)
    subprocess.run(line.replace("BUCKET/PATH", f"models/{PACKAGE}"), shell=True, cwd=project, check=True)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "A remote")
    command(project, "dvc", "repro")
    command(project, "dvc", "push")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "First run")
    subprocess.run(["git", "clone", "--quiet", project, tmp_path / "clone"], check=True)
    clone = install(tmp_path / "clone")
    command(clone, "dvc", "pull")
    assert reran(command(clone, "dvc", "repro")) == []
    assert git(clone, "status", "--porcelain") == ""
    assert (clone / "models/best.ckpt").read_bytes() == (project / "models/best.ckpt").read_bytes()

    command(project, "heldout", "remote", "finish")
    git(clone, "reset", "--quiet", "--hard", "HEAD~1")
    came_home(clone)
    ledger = clone / "reports/test_ledger.jsonl"
    look = '{"time": "2020-02-02T00:00:00+00:00", "data": "other"}\n'
    ledger.write_text(look + ledger.read_text())
    with pytest.raises(AssertionError, match="hold work that is not committed"):
        command(clone, "heldout", "remote", "home")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "Looked again")
    came_home(clone)
    assert ledger.read_text().startswith(look)
