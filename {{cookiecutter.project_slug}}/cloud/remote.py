"""Takes what git does not to the DVC remote and back: `uv run python cloud/remote.py WORD`.

start   data, and the checkpoint of a training that was cut off, come from the remote
keep    the checkpoint of the running training goes there as often as it changes
finish  models, dvc.lock and reports/ go there
home    they come back, and the pages show their numbers
"""

import shutil
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


def get(name: str) -> bool:
    """Unpacks what `put` packed; False if there is none."""
    with archive(name) as (fs, there, here):
        if not fs.exists(there):
            return False
        fs.get_file(there, here)
        with tarfile.open(here) as file:
            file.extractall(filter="data")
    return True


def start() -> int:
    shutil.rmtree(TRAINING, ignore_errors=True)  # all machines begin with the same checkpoint
    if get("training.tar"):
        print("an unfinished training goes on")
    return dvc(["pull", "--allow-missing"])


def keep() -> int:
    sent = {}
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
    if failed := dvc(["push"]):
        return failed
    put("results.tar", RESULTS)
    with archive("training.tar") as (fs, there, _):
        if fs.exists(there):
            fs.remove(there)
    return 0


def home() -> int:
    if not get("results.tar"):
        sys.exit("error: the remote has no results yet")
    return dvc(["pull"]) or dvc(["repro", "--single-item", "report"])


if __name__ == "__main__":
    words = {step.__name__: step for step in (start, keep, finish, home)}
    if sys.argv[1:] not in [[word] for word in words]:
        sys.exit(f"error: give one of {', '.join(words)}")
    try:
        sys.exit(words[sys.argv[1]]())
    except DvcException as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
