"""`heldout remote WORD`: exchanges what git ignores with the DVC remote, for training elsewhere.

start   fetches the data, and the checkpoint of an interrupted training
keep    sends the checkpoint of the running training whenever it changes
finish  sends models, dvc.lock and reports/
home    fetches these results, and shows their numbers in the pages
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dvc.cli import main as dvc
from dvc.exceptions import DvcException
from dvc.repo import Repo

from .errors import InputError

TRAINING, RESULTS = Path("runs/training"), ["dvc.lock", "reports"]
LEDGER = Path("reports/test_ledger.jsonl")
INTERVAL = 10  # seconds between two looks for a new checkpoint


def main(words: Sequence[str]) -> None:
    """Runs one of the steps; exits with DVC's exit code if that is not 0."""
    steps = {step.__name__: step for step in (start, keep, finish, home)}
    if len(words) != 1 or words[0] not in steps:
        raise InputError(f"remote {' '.join(words)}: choose from {', '.join(steps)}")
    try:
        code = steps[words[0]]()
    except DvcException as error:
        raise InputError(" ".join(str(error).split())) from None
    if code:
        sys.exit(code)


def locate(name: str) -> tuple[Any, str]:
    """The file system of the DVC remote, and the path of `name` there."""
    remote = Repo().cloud.get_remote()
    return remote.fs, remote.fs.join(remote.path, "cloud", name)


def put(name: str, paths: Sequence[str | Path]) -> None:
    """Packs files and folders into one file of the remote, which appears there whole."""
    fs, path = locate(name)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(f"{folder}/{name}", "w") as file:
            for local in paths:
                file.add(local)
        fs.put_file(f"{folder}/{name}", path)


def get(name: str, old: Path | None = None) -> bool:
    """Unpacks what `put` packed, in place of the folder `old`; False if there is none."""
    fs, path = locate(name)
    if not fs.exists(path):
        return False
    with tempfile.TemporaryDirectory() as folder:
        fs.get_file(path, f"{folder}/{name}")
        if old:
            shutil.rmtree(old, ignore_errors=True)
        with tarfile.open(f"{folder}/{name}") as file:
            file.extraction_filter = getattr(tarfile, "data_filter", None)  # from Python 3.11.4 on
            file.extractall()
    return True


def remove(name: str) -> None:
    """Removes a file of the remote, if it is there."""
    fs, path = locate(name)
    if fs.exists(path):
        fs.remove(path)


def start() -> int:
    """Fetches data and checkpoint; returns the exit code of `dvc pull`."""
    if get("training.tar", TRAINING):
        print("fetched the checkpoint of an interrupted training")
    elif os.environ.get("SKYPILOT_NUM_NODES", "1") != "1":
        shutil.rmtree(TRAINING, ignore_errors=True)  # all machines begin with the same checkpoint
    if os.environ.get("SKYPILOT_NODE_RANK", "0") == "0":
        remove("results.tar")  # of an earlier run
    return dvc(["pull", "--allow-missing"])


def keep() -> None:
    """Sends the checkpoints as they change, until the process is killed."""
    sent: dict[Path, int] = {}
    while True:
        try:
            changed = {path: path.stat().st_mtime_ns for path in TRAINING.glob("*/*.ckpt")}
            if changed not in ({}, sent) and all(map(zipfile.is_zipfile, changed)):
                put("training.tar", [TRAINING])
                sent = changed
        except Exception as error:  # the training is worth more than its copy; the network returns
            print(f"the checkpoint could not be sent: {error}", flush=True)
        time.sleep(INTERVAL)


def finish() -> int:
    """Sends models and results; returns the exit code of `dvc push`."""
    if code := dvc(["push"]):
        return code
    put("results.tar", RESULTS)
    remove("training.tar")
    return 0


def home() -> int:
    """Fetches the results, joins the two ledgers and updates the pages; returns an exit code."""
    status = ["git", "status", "--porcelain", *RESULTS]
    if subprocess.run(status, capture_output=True, text=True, check=True).stdout:
        raise InputError("dvc.lock or reports/ have uncommitted changes; commit them first")
    lines = LEDGER.read_text().splitlines() if LEDGER.exists() else []
    if not get("results.tar"):
        raise InputError("the DVC remote has no results yet")
    lines = sorted({*lines, *LEDGER.read_text().splitlines()})  # a line begins with its time
    LEDGER.write_text("\n".join([*lines, ""]), newline="\n")
    return dvc(["pull"]) or dvc(["repro", "--single-item", "report"])
