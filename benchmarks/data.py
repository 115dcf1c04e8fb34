"""The data path: samples per second of TensorLoader and of DataLoader, and training on data mapped from disk."""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
import training
from heldout import config, metrics
from heldout.torch import TensorLoader
from measure import QUICK, alternate, row
from omegaconf import DictConfig
from PIL import Image
from project import data, train
from sklearn.metrics import roc_auc_score
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

ROWS, COLUMNS, BATCH_SIZE = (200_000 if QUICK else 1_000_000), 50, 256
PHOTOS, SIZE, PHOTO_BATCH = (500 if QUICK else 2_600), 160, 32
MAPPED_ROWS, MAPPED_PHOTOS = 20_000_000, 20_000_000_000 // 128**2  # 4 and 20 GB


class PhotoFiles(Dataset):
    """Photos decoded one by one."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(np.asarray(Image.open(self.paths[index]).resize((SIZE, SIZE))).copy())


def iterate_tensors(x: torch.Tensor, y: torch.Tensor, batch_size: int) -> None:
    """Reads every batch of an epoch with heldout's TensorLoader."""
    for _ in TensorLoader(x, y, torch.arange(len(y)), batch_size, shuffle=True):
        pass


def iterate_samples(dataset: Dataset, batch_size: int, workers: int) -> None:
    """Reads every batch of an epoch with PyTorch's DataLoader, sample by sample."""
    for _ in DataLoader(dataset, batch_size, shuffle=True, num_workers=workers, drop_last=True):
        pass


def iterate_batches(dataset: TensorDataset, batch_size: int) -> None:
    """Reads every batch of an epoch with DataLoader's fastest ordinary use: one index list for each batch."""
    sampler = BatchSampler(RandomSampler(dataset), batch_size, drop_last=True)
    for _ in DataLoader(dataset, sampler=sampler, batch_size=None):
        pass


def compare(what: str, count: int, functions: dict, target: str, rounds: int) -> None:
    """Rows for items per second of the function "project" against each other one; `count` items per call."""
    rates = {name: count / seconds for name, seconds in alternate(functions, rounds).items()}
    for name in [name for name in rates if name != "project"]:
        value, reference = f"{rates['project']:,.0f} a second", f"{name} {rates[name]:,.0f}"
        row(what, value, reference, rates["project"] / rates[name], target)


def compare_step() -> None:
    """How much of a training step of the project's network each loader takes: where its speed matters."""
    cfg = config.compose("trainer=cpu", f"model.epochs={3 if QUICK else 6}")
    x, samples, _ = data.load_prepared()
    split = samples[cfg.data.split].to_numpy()
    rows = np.flatnonzero(split == "train")
    batch_size = cfg.model.batch_size * cfg.model.members
    x, y = torch.tensor(x[rows]), torch.tensor(samples.label.to_numpy()[rows])
    functions = {
        "TensorLoader": lambda: iterate_tensors(x, y, batch_size),
        "DataLoader(BatchSampler)": lambda: iterate_batches(TensorDataset(x, y), batch_size),
        "DataLoader": lambda: iterate_samples(TensorDataset(x, y), batch_size, 0),
    }
    loaders = {name: s / (len(rows) // batch_size) for name, s in alternate(functions, 5).items()}
    step = statistics.median(training.fit_project(cfg, split))
    for name, seconds in loaders.items():
        share = seconds / step
        row(f"share of a training step, {name}", f"{1000 * seconds:.2g} ms", f"step {1000 * step:.3g} ms", share)


def compare_auc() -> None:
    """The ROC AUC, which a bootstrap computes a thousand times."""
    rng = np.random.default_rng(0)
    y, p = rng.random(1454) < 0.06, rng.random(1454)
    functions = {
        "project": lambda: [metrics.roc_auc(y, p) for _ in range(200)],
        "scikit-learn": lambda: [roc_auc_score(y, p) for _ in range(200)],
    }
    compare("area under the curve of 1,454 rows", 200, functions, "", 3)


def compare_loaders() -> None:
    """Samples per second of tables and photos."""
    rounds = 1 if QUICK else 3
    x, y = torch.randn(ROWS, COLUMNS), torch.zeros(ROWS)
    functions = {"project": lambda: iterate_tensors(x, y, BATCH_SIZE)}
    for workers in (0, 2):
        name = f"DataLoader(TensorDataset), {workers} workers"
        functions[name] = lambda n=workers: iterate_samples(TensorDataset(x, y), BATCH_SIZE, n)
    functions["DataLoader(BatchSampler)"] = lambda: iterate_batches(TensorDataset(x, y), BATCH_SIZE)
    compare(f"rows of {COLUMNS} numbers", ROWS, functions, ">= 10", rounds)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photos(Path(folder))
        files = PhotoFiles(paths)
        decoded, labels = torch.stack([files[i] for i in range(PHOTOS)]), torch.zeros(PHOTOS)
        functions = {"project": lambda: iterate_tensors(decoded, labels, PHOTO_BATCH)}
        for workers in (0, 2):
            name = f"decoding each PNG, {workers} workers"
            functions[name] = lambda n=workers: iterate_samples(files, PHOTO_BATCH, n)
        compare(f"photos of {SIZE} pixels, decoded once", PHOTOS, functions, ">= 20", rounds)


def write_photos(folder: Path) -> list[Path]:
    """PNG files of 300 x 300 pixels, which compress about as well as photos."""
    gradient, rng = np.add.outer(np.arange(300), np.arange(300)), np.random.default_rng(0)
    paths = []
    for i in range(PHOTOS):
        pixels = (gradient + i + rng.integers(0, 16, gradient.shape)) % 256
        paths.append(folder / f"{i}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


class TinyNetwork(torch.nn.Module):
    """Samples (n, ...) -> 50 means of each -> logit (n, 1, 1): nearly all time goes into the data."""

    def __init__(self, cfg: dict, stats: dict) -> None:
        super().__init__()
        self.pool, self.head = torch.nn.AdaptiveAvgPool1d(COLUMNS), torch.nn.Linear(COLUMNS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(x.float().flatten(1).unsqueeze(1)))

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of outputs (n, 1, 1) and labels (n,)."""
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs, y[:, None, None])


class PeakMemory(threading.Thread):
    """Peak memory of this process in bytes, without the pages of mapped files."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0

    def run(self) -> None:
        while True:
            status = Path("/proc/self/status").read_text()
            sizes = re.findall(r"(?:RssAnon|RssShmem):\s+(\d+) kB", status)
            self.peak = max(self.peak, sum(int(size) * 1024 for size in sizes))
            time.sleep(0.05)


def write_table(folder: Path, rows: int) -> None:
    """data/prepared with a generated table, as the stage `prepare` writes it."""
    prepared = folder / "data/prepared"
    prepared.mkdir(parents=True)
    x = np.lib.format.open_memmap(prepared / "x.npy", "w+", np.float32, (rows, COLUMNS))
    rng = np.random.default_rng(0)
    for i in range(0, rows, 1_000_000):
        x[i : i + 1_000_000] = rng.standard_normal((min(1_000_000, rows - i), COLUMNS), np.float32)
    samples = pd.DataFrame({"id": np.arange(rows), "label": (x[:, 0] > 0).astype(np.float32)})
    samples["random"] = train_and_val(rows)
    samples.to_parquet(prepared / "samples.parquet")
    columns = [{"name": f"c{i}", "typical": 0.0, "low": -5.0, "high": 5.0} for i in range(COLUMNS)]
    schema = {"task": "classification", "columns": columns, "data": "generated"}
    (prepared / "schema.json").write_text(json.dumps(schema))


def write_photo_array(folder: Path, count: int) -> None:
    """Generated photos (count, 128, 128) uint8."""
    x = np.lib.format.open_memmap(folder / "photos.npy", "w+", np.uint8, (count, 128, 128))
    block = np.random.default_rng(0).integers(0, 256, (10_000, 128, 128), np.uint8)
    for i in range(0, count, len(block)):
        x[i : i + len(block)] = block[: min(len(block), count - i)]


def train_and_val(rows: int) -> np.ndarray:
    """Split (rows,): every hundredth sample validates."""
    return np.where(np.arange(rows) % 100 == 0, "val", "train").astype(object)


def fit_child(kind: str, in_memory: bool) -> None:
    """Trains three epochs in this process, on mapped data or in memory; prints samples per second and peak memory."""
    memory, timer = PeakMemory(), training.EpochTimer()
    memory.start()
    batch_size = 4096 if kind == "table" else 256
    cfg = config.compose("trainer=cpu", "model.epochs=3", f"model.batch_size={batch_size}", "logger=[csv]")
    with mock.patch.dict(train.NETWORKS, classification=TinyNetwork):
        n_train = FITS[kind](cfg, in_memory, timer)
    print(json.dumps({"rate": n_train / (timer.starts[2] - timer.starts[1]), "memory": memory.peak}))


def fit_table(cfg: DictConfig, in_memory: bool, timer: training.EpochTimer) -> int:
    """Trains on data/prepared by train.fit, with the statistics that it needs; returns the number of samples."""
    x, samples, schema = data.load_prepared()
    split = samples.random.to_numpy()
    x = np.array(x) if in_memory else x
    with mock.patch.object(train, "load_prepared", return_value=(x, samples, schema)):
        training.fit_project(cfg, split, timer)
    return int((split == "train").sum())


def fit_photos(cfg: DictConfig, in_memory: bool, timer: training.EpochTimer) -> int:
    """Trains on photos.npy, or on a fifth of it in memory; returns the number of samples."""
    photos = np.load("photos.npy", mmap_mode="c")
    if in_memory:
        photos = np.array(photos[: len(photos) // 5])
    split, labels = train_and_val(len(photos)), np.arange(len(photos), dtype=np.float32) % 2
    module = train.TabularModel(dict(cfg.model), "classification", {})
    batches = train.TableData(photos, labels, split, cfg.model.batch_size, cfg.seed)
    run = training.TimedRun(key=[in_memory], seed=cfg.seed, loggers=cfg.logger, timer=timer)
    with training.silence():
        trainer = pl.Trainer(**run.trainer_kwargs(cfg.trainer, max_epochs=cfg.model.epochs))
        run.fit(trainer, module, batches)
        run.finish(trainer, Path("runs/bench"))
    return int((split == "train").sum())


FITS = {"table": fit_table, "photos": fit_photos}


def run_child(folder: Path, *words: str) -> dict:
    """What `fit_child` prints in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare_mapped() -> None:
    """Rows for a table and photos mapped from disk against the same data in memory."""
    datasets = [
        ("table", MAPPED_ROWS, write_table, "20 million rows x 50, 4 GB", ""),
        ("photos", MAPPED_PHOTOS, write_photo_array, "20 GB of photos", " (a fifth of them)"),
    ]
    with tempfile.TemporaryDirectory(dir=".") as name:  # inside the project: conf/ is found above
        folder = Path(name).resolve()
        for kind, count, write, what, share in datasets:
            write(folder, count)
            runs = [run_child(folder, kind, side) for side in ("mapped", "memory", "mapped", "memory")]
            mapped, memory = (max(run["rate"] for run in runs[side::2]) for side in (0, 1))
            reference = f"in memory{share} {memory:,.0f}"
            row(f"{what}, mapped", f"{mapped:,.0f} a second", reference, mapped / memory, ">= 0.5")
            peak = max(run["memory"] for run in runs[::2])
            label = f"{what}, mapped: memory beside the map"
            row(label, f"{peak / 1e9:.2f} GB", "limit 2 GB", peak / 2e9, "<= 1")
            for path in folder.rglob("*.npy"):
                path.unlink()


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in FITS:
        fit_child(sys.argv[1], sys.argv[2] == "memory")
        return
    compare_loaders()
    compare_step()
    compare_auc()
    if not QUICK:
        compare_mapped()


if __name__ == "__main__":
    main()
