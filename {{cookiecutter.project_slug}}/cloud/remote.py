"""Takes what git does not to the DVC remote and back: `uv run python cloud/remote.py WORD`.

start   data, and the checkpoint of a training that was cut off, come from the remote
keep    the checkpoint of the running training goes there as often as it changes
finish  models, dvc.lock and reports/ go there
home    they come back, and the pages show their numbers
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.cli import main as dvc
from dvc.exceptions import DvcException
from dvc.repo import Repo

TRAINING, RESULTS = Path("runs/training"), ["dvc.lock", "reports"]
LEDGER = Path("reports/test_ledger.jsonl")
SECONDS = 10  # between two looks at the checkpoint


@contextmanager
def archive(name: str) -> Iterator[tuple]:
    """The remote's file system, the path of `name` on it, and a temporary path for it here."""
    remote = Repo().cloud.get_remote()
    with tempfile.TemporaryDirectory() as folder:
        yield remote.fs, remote.fs.join(remote.path, "cloud", name), str(Path(folder, name))


def put(name: str, paths: list) -> None:
    """Packs files and folders into one file of the remote, which appears there whole."""
    with archive(name) as (fs, there, here):
        with tarfile.open(here, "w") as file:
            for path in paths:
                file.add(path)
        fs.put_file(here, there)


def get(name: str, old: Path | None = None) -> bool:
    """Unpacks what `put` packed, in place of a folder `old`; False if there is none."""
    with archive(name) as (fs, there, here):
        if not fs.exists(there):
            return False
        fs.get_file(there, here)
        if old:
            shutil.rmtree(old, ignore_errors=True)
        with tarfile.open(here) as file:
            if hasattr(tarfile, "data_filter"):
                file.extractall(filter="data")
            else:  # Python before 3.11.4
                file.extractall()
    return True


def remove(name: str) -> None:
    """Removes a file of the remote, if it is there."""
    with archive(name) as (fs, there, _):
        if fs.exists(there):
            fs.remove(there)


def start() -> int:
    """Brings data and checkpoint here; the exit code of `dvc pull`."""
    if get("training.tar", TRAINING):
        print("an unfinished training goes on")
    elif os.environ.get("SKYPILOT_NUM_NODES", "1") != "1":
        shutil.rmtree(TRAINING, ignore_errors=True)  # all machines begin with the same checkpoint
    if os.environ.get("SKYPILOT_NODE_RANK", "0") == "0":
        remove("results.tar")  # of an earlier run
    return dvc(["pull", "--allow-missing"])


def keep() -> int:
    """Sends the checkpoints as they change, until it is killed."""
    sent: dict[Path, int] = {}
    while True:
        try:
            found = {path: path.stat().st_mtime_ns for path in TRAINING.glob("*/*.ckpt")}
            if found not in ({}, sent) and all(map(zipfile.is_zipfile, found)):  # none is half written
                put("training.tar", [TRAINING])
                sent = found
        except FileNotFoundError:
            pass  # the training has just ended
        except Exception as error:  # the network comes back, and the training is worth more than a copy of it
            print(f"the checkpoint could not be sent: {error}", flush=True)
        time.sleep(SECONDS)


def finish() -> int:
    """Sends models and results; the exit code of `dvc push`."""
    if failed := dvc(["push"]):
        return failed
    put("results.tar", RESULTS)
    remove("training.tar")
    return 0


def home() -> int:
    """Takes the results back and joins the ledgers; an exit code."""
    changed = ["git", "status", "--porcelain", *RESULTS]
    if subprocess.run(changed, capture_output=True, text=True, check=True).stdout:
        sys.exit("error: dvc.lock or reports/ hold work that is not committed; commit it first")
    looks = LEDGER.read_text().splitlines() if LEDGER.exists() else []
    if not get("results.tar"):
        sys.exit("error: the remote has no results yet")
    both = sorted({*looks, *LEDGER.read_text().splitlines()})  # a line begins with its time
    LEDGER.write_text("\n".join([*both, ""]), newline="\n")
    return dvc(["pull"]) or dvc(["repro", "--single-item", "report"])


if __name__ == "__main__":
    words = {step.__name__: step for step in (start, keep, finish, home)}
    if sys.argv[1:] not in [[word] for word in words]:
        sys.exit(f"error: give one of {', '.join(words)}")
    try:
        sys.exit(words[sys.argv[1]]())
    except DvcException as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
