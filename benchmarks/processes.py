"""Several processes: DDP on CPUs, data streamed from an object store, sweeps, and an interrupted search."""

import contextlib
import csv
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from measure import QUICK, alternate, prepare, row

TRAIN = [sys.executable, "-m", "project.train"]
HELDOUT = [str(Path(sys.executable).with_name("heldout"))]
# Without dropout, the order of random numbers on each rank does not matter.
DDP = ["trainer=cluster", "trainer.accelerator=cpu", "trainer.precision=32-true", "model.dropout=0"]
DDP += ["model.batch_size=512"]
CORES = os.cpu_count()
EPOCHS = 4 if QUICK else 22
N_TRIALS = 6
PHOTOS, SIZE = 20_000, 128
KEYS = {"AWS_ACCESS_KEY_ID": "ada", "AWS_SECRET_ACCESS_KEY": "ada", "AWS_DEFAULT_REGION": "us-east-1"}


def run(folder: Path, *command: str, threads: int = CORES) -> float:
    """Seconds of a command in a folder; exits with its output if it fails."""
    start = time.perf_counter()
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}")
    return time.perf_counter() - start


def make_folder(folder: Path) -> Path:
    """A copy of the project without models and reports, which shares the prepared data."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/prepared").symlink_to(Path("data/prepared").resolve())
    for name in ("conf", "src"):
        shutil.copytree(name, folder / name)
    shutil.copy("pyproject.toml", folder)
    return folder


def validation_losses(folder: Path) -> np.ndarray:
    """Validation loss of each epoch of the last training."""
    with (folder / "models/history/metrics.csv").open() as file:
        return np.array([float(line["val/loss"]) for line in csv.DictReader(file) if line["val/loss"]])


def measure_ddp(root: Path) -> None:
    """Rows for the same global batch on one process with all cores, and on two and four that share them."""
    seconds, losses = {}, {}
    for count in (1, 2, 4):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        for epochs in (2, EPOCHS):  # their difference leaves out the start of the processes
            folder = make_folder(root / f"ddp-{count}-{epochs}")
            overrides = [*DDP, f"model.epochs={epochs}", "logger=[csv]"]
            threads = max(1, CORES // count)
            seconds[count, epochs] = run(folder, *command, *TRAIN[1:], *overrides, threads=threads)
        losses[count] = validation_losses(folder)
    epoch = {count: (seconds[count, EPOCHS] - seconds[count, 2]) / (EPOCHS - 2) for count in (1, 2, 4)}
    for count in (2, 4):
        what, reference = f"DDP, {count} processes", f"one process with all cores {epoch[1]:.2f} s"
        row(f"{what} on {CORES} cores, an epoch", f"{epoch[count]:.2f} s", reference, epoch[1] / epoch[count])
        gap = float((np.abs(losses[count] - losses[1]) / losses[1]).max())
        what += f": largest difference of the loss in {EPOCHS} epochs"
        row(what, f"{gap:.1e}", "one process, same global batch", gap, "<= 0.001")


def generate_photo(index: int) -> dict:
    """A random photo and its label, for litdata."""
    return {"x": np.random.default_rng(index).integers(0, 256, (SIZE, SIZE), np.uint8).tobytes(), "y": index % 2}


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Address of a local S3 server."""
    os.environ.update(KEYS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "-p", port]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def measure_streaming(root: Path) -> None:
    """A row for photos per second by litdata: from a local S3 server against a folder."""
    import boto3
    import litdata

    folder, bucket = root / "optimized", "photos"
    options = {"num_workers": CORES, "chunk_bytes": "32MB"}
    litdata.optimize(fn=generate_photo, inputs=list(range(PHOTOS)), output_dir=str(folder), **options)

    def read_epoch(source: str, **options: object) -> None:
        """Reads all samples, shuffled, in batches; downloads are not kept."""
        count = 0
        with tempfile.TemporaryDirectory() as cache:
            dataset = litdata.StreamingDataset(source, cache_dir=cache, shuffle=True, drop_last=False, **options)
            for batch in litdata.StreamingDataLoader(dataset, batch_size=64, num_workers=CORES):
                photos = torch.stack([torch.frombuffer(bytearray(x), dtype=torch.uint8) for x in batch["x"]])
                count += len(photos)
        assert count == PHOTOS

    with s3_server() as address:
        client = boto3.client("s3", endpoint_url=address)
        for _ in range(60):
            try:
                client.create_bucket(Bucket=bucket)
                break
            except Exception:
                time.sleep(0.5)
        for path in folder.iterdir():
            client.upload_file(str(path), bucket, path.name)
        access = {"endpoint_url": address}
        access |= {key.lower(): value for key, value in KEYS.items() if "KEY" in key}
        functions = {
            "s3": lambda: read_epoch(f"s3://{bucket}", storage_options=access),
            "folder": lambda: read_epoch(str(folder)),
        }
        seconds = alternate(functions, 3)
    remote, local = PHOTOS / seconds["s3"], PHOTOS / seconds["folder"]
    what = f"photos of {SIZE} pixels, litdata from S3 on this machine"
    row(what, f"{remote:,.0f} a second", f"litdata from a folder {local:,.0f}", remote / local)


def measure_sweeps(root: Path) -> None:
    """Rows for eight seeds in parallel, by two launchers, against one after the other."""
    sequential = "one after the other"
    overrides = ["-m", "seed=range(8)", f"model.epochs={1 if QUICK else 8}", "trainer=cpu", "logger=[csv]"]
    launchers = {
        sequential: [],
        "joblib": ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={CORES}"],
        "submitit local": ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=20"],
    }
    parallel = {"joblib": CORES, "submitit local": "all"}
    seconds = {}
    for name, launcher in launchers.items():
        folder = make_folder(root / name.replace(" ", "-"))
        seconds[name] = run(folder, *TRAIN, *overrides, *launcher, threads=1 if launcher else CORES)
        assert len(list(folder.glob("runs/*/*/best.ckpt"))) == 8, name
    for name, jobs in parallel.items():
        reference = f"{sequential} {seconds[sequential]:.0f} s"
        ratio = seconds[sequential] / seconds[name]
        row(f"sweep of eight, {name} ({jobs} at once)", f"{seconds[name]:.0f} s", reference, ratio)


def count_trials(database: Path) -> int:
    """Finished trials of an Optuna study, read without a lock."""
    query = "SELECT COUNT(*) FROM trials WHERE state = 'COMPLETE'"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as study:
            return study.execute(query).fetchone()[0]
    except sqlite3.OperationalError:  # not written yet
        return 0


def measure_search(root: Path) -> None:
    """A row for an Optuna study that is killed and started again: it ends with the number of trials asked for."""
    folder = make_folder(root / "search")
    database = folder / "runs/tune.db"
    command = [*HELDOUT, "tune", "model=frozen", "model.epochs=4", "trainer=cpu", f"tune.trials={N_TRIALS}"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while count_trials(database) < 2 and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_killed = count_trials(database)
    run(folder, *command)
    assert 0 < n_killed < N_TRIALS, n_killed
    n_trials = count_trials(database)
    what = "search of six trials, killed and started again"
    row(what, f"{n_trials} trials", f"{n_killed} before the kill", n_trials / N_TRIALS, ">= 1")


def main() -> None:
    prepare("prepare")
    with tempfile.TemporaryDirectory() as name:  # stages refuse to run in a folder inside the project
        root = Path(name).resolve()
        measure_ddp(root)
        measure_sweeps(root)
        measure_search(root)
        measure_streaming(root)
    shutil.rmtree("outputs", ignore_errors=True)


if __name__ == "__main__":
    main()
