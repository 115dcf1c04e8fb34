"""Many processes: DDP on CPUs, data streamed from an object store, sweeps, and a search that is killed."""

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
from pathlib import Path

import numpy as np
import torch
from measure import QUICK, alternate, prepared, row

STAGE = [sys.executable, "-m", "project.train"]
PLAIN = ["model.dropout=0", "model.mixup=0", "model.batch=512", "trainer.accelerator=cpu", "trainer.precision=32-true"]
CORES = os.cpu_count()
MOST = 4 if QUICK else 22  # epochs
PHOTOS, SIZE = 20_000, 128
KEYS = {"AWS_ACCESS_KEY_ID": "ada", "AWS_SECRET_ACCESS_KEY": "ada", "AWS_DEFAULT_REGION": "us-east-1"}


def run(folder: Path, *command: str, threads: int = CORES) -> float:
    """Seconds of a command in a folder with the prepared data; what it says only if it fails."""
    begun = time.perf_counter()
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}")
    return time.perf_counter() - begun


def workplace(folder: Path) -> Path:
    """A folder to run in that shares the project's data."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/prepared").symlink_to(Path("data/prepared").resolve())
    return folder


def losses(folder: Path) -> list[float]:
    """Validation loss of each epoch of the last training."""
    with (folder / "models/history/metrics.csv").open() as file:
        return [float(line["val/loss"]) for line in csv.DictReader(file) if line["val/loss"]]


def several(new: Path) -> None:
    """The same global batch on one process with all cores, and on two and four that share them."""
    spent, found = {}, {}
    for count in (1, 2, 4):
        torchrun = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(count),
            "-m",
            "project.train",
        ]
        for epochs in (2, MOST):  # the difference leaves the start out
            folder = workplace(new / f"ddp-{count}-{epochs}")
            words = [*PLAIN, "trainer=cluster", f"model.epochs={epochs}", "logger=[csv]"]
            threads = max(1, CORES // count)
            spent[count, epochs] = run(folder, *torchrun, *words, threads=threads)
        found[count] = losses(folder)
    each = {count: (spent[count, MOST] - spent[count, 2]) / (MOST - 2) for count in (1, 2, 4)}
    for count in (2, 4):
        row(
            f"DDP, {count} processes on {CORES} cores, an epoch",
            f"{each[count]:.2f} s",
            f"one process with all cores {each[1]:.2f} s",
            each[1] / each[count],
        )
        off = float((np.abs(np.subtract(found[count], found[1])) / found[1]).max())
        row(
            f"DDP, {count} processes: largest difference of the loss in {MOST} epochs",
            f"{off:.1e}",
            "one process, same global batch",
            off,
            "<= 0.001",
        )


def write_photo(index: int) -> dict:
    """A generated photo, for litdata."""
    return {"x": np.random.default_rng(index).integers(0, 256, (SIZE, SIZE), np.uint8).tobytes(), "y": index % 2}


def streamed(new: Path) -> None:
    """Photos a second by litdata, from an S3 server on this machine and from a folder, in turn."""
    import boto3
    import litdata

    folder, bucket = new / "optimized", "photos"
    litdata.optimize(
        fn=write_photo, inputs=list(range(PHOTOS)), output_dir=str(folder), num_workers=CORES, chunk_bytes="32MB"
    )
    os.environ.update(KEYS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        client = boto3.client("s3", endpoint_url=address)
        for _ in range(60):
            try:
                client.create_bucket(Bucket=bucket)
                break
            except Exception:
                time.sleep(0.5)
        for path in folder.iterdir():
            client.upload_file(str(path), bucket, path.name)
        access = {"endpoint_url": address, **{k.lower(): v for k, v in KEYS.items() if "KEY" in k}}

        def epoch(source: str, **options: object) -> None:
            """All samples, shuffled, in batches; what is downloaded is kept by nobody."""
            with tempfile.TemporaryDirectory() as cache:
                told = {"cache_dir": cache, "shuffle": True, "drop_last": False, **options}
                data = litdata.StreamingDataset(source, **told)
                seen = 0
                for batch in litdata.StreamingDataLoader(data, batch_size=64, num_workers=CORES):
                    photos = torch.stack([torch.frombuffer(bytearray(x), dtype=torch.uint8) for x in batch["x"]])
                    seen += len(photos)
                assert seen == PHOTOS

        sides = {
            "far": lambda: epoch(f"s3://{bucket}", storage_options=access),
            "near": lambda: epoch(str(folder)),
        }
        far, near = (PHOTOS / spent for spent in alternate(sides, 3).values())
    finally:
        server.terminate()
        server.wait()
    row(
        f"photos of {SIZE} pixels, litdata from S3 on this machine",
        f"{far:,.0f} a second",
        f"litdata from a folder {near:,.0f}",
        far / near,
    )


def sweeps(new: Path) -> None:
    """Eight seeds, one after the other and by launchers that run them at once."""
    words = ["-m", "seed=range(8)", f"model.epochs={1 if QUICK else 8}", "trainer=cpu", "logger=[csv]"]
    launchers = {
        "one after the other": [],
        "joblib": ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={CORES}"],
        "submitit local": ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=20"],
    }
    spent = {}
    for name, launcher in launchers.items():
        folder = workplace(new / name.replace(" ", "-"))
        spent[name] = run(folder, *STAGE, *words, *launcher, threads=1 if launcher else CORES)
        assert len(list(folder.glob("runs/*/*/best.ckpt"))) == 8, name
    at_once = {"joblib": CORES, "submitit local": "all"}
    for name in at_once:
        row(
            f"sweep of eight, {name} ({at_once[name]} at once)",
            f"{spent[name]:.0f} s",
            f"one after the other {spent['one after the other']:.0f} s",
            spent["one after the other"] / spent[name],
        )


def search(new: Path) -> None:
    """An Optuna study that is killed and started again has the trials it was told to have."""
    folder = workplace(new / "search")
    command = [sys.executable, "-m", "project.tune", "model=frozen", "model.epochs=4", "trainer=cpu", "tune.trials=6"]

    def done() -> int:
        """Finished trials, read without touching the study."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{folder}/runs/tune.db?mode=ro", uri=True)) as study:
                return study.execute("SELECT COUNT(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0]
        except sqlite3.OperationalError:  # not made yet
            return 0

    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while done() < 2 and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = done()
    run(folder, *command)
    assert 0 < before < 6, before
    row(
        "search of six trials, killed and started again",
        f"{done()} trials",
        f"{before} before the kill",
        done() / 6,
        ">= 1",
    )


def main() -> None:
    prepared("prepare")
    with tempfile.TemporaryDirectory() as folder:  # the project's own commands refuse folders inside it
        new = Path(folder).resolve()
        several(new)
        sweeps(new)
        search(new)
        streamed(new)
    shutil.rmtree("outputs", ignore_errors=True)


if __name__ == "__main__":
    main()
