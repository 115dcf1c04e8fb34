"""The data path: samples a second of batches.py beside what is usual, and training on data that is mapped from disk."""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measure import QUICK, alternate, row
from PIL import Image
from project import batches, config, model, scores, train
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, Dataset, TensorDataset

ROWS, COLUMNS, BATCH = (200_000 if QUICK else 1_000_000), 50, 256
PHOTOS, SIZE = (500 if QUICK else 2_600), 160


class Files(Dataset):
    """Pictures opened one by one."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(np.asarray(Image.open(self.paths[index]).resize((SIZE, SIZE))).copy())


def ours(z: torch.Tensor, y: torch.Tensor) -> None:
    """All batches of an epoch."""
    loader = batches.Loader(z, y, torch.arange(len(y)), BATCH if z.ndim == 3 else 32)
    loader.shuffle = lambda: 0
    for _ in loader:
        pass


def usual(data: Dataset, batch: int, workers: int) -> None:
    """All whole batches of an epoch, sample by sample."""
    for _ in DataLoader(data, batch, shuffle=True, num_workers=workers, drop_last=True):
        pass


def compare(what: str, count: int, sides: dict, aim: str, rounds: int) -> None:
    """Rows for ours against each other side."""
    found = {name: count / spent for name, spent in alternate(sides, rounds).items()}
    for name in [name for name in found if name != "ours"]:
        row(what, f"{found['ours']:,.0f} a second", f"{name} {found[name]:,.0f}", found["ours"] / found[name], aim)


def curves() -> None:
    """The area under the curve that each draw of an interval asks for."""
    chance = np.random.default_rng(0)
    y, p = chance.random(1454) < 0.06, chance.random(1454)
    sides = {"ours": lambda: [scores.auc(y, p) for _ in range(200)]}
    sides["scikit-learn"] = lambda: [roc_auc_score(y, p) for _ in range(200)]
    compare("area under the curve of 1,454 rows", 200, sides, "", 3)


def rates() -> None:
    """Samples a second of tables and photos."""
    x = torch.randn(ROWS, COLUMNS)
    y = torch.zeros(ROWS)
    sides = {"ours": lambda: ours(x.unsqueeze(1), y)}
    for workers in (0, 2):
        sides[f"DataLoader(TensorDataset), {workers} workers"] = lambda n=workers: usual(TensorDataset(x, y), BATCH, n)
    compare(f"rows of {COLUMNS} numbers", ROWS, sides, ">= 10", 1 if QUICK else 3)
    with tempfile.TemporaryDirectory() as folder:
        wave = np.add.outer(np.arange(300), np.arange(300))
        noise = np.random.default_rng(0)
        paths = [Path(folder, f"{i}.png") for i in range(PHOTOS)]
        for i, path in enumerate(paths):
            Image.fromarray(((wave + i + noise.integers(0, 16, wave.shape)) % 256).astype(np.uint8)).save(path)
        decoded = torch.stack([Files(paths)[i] for i in range(PHOTOS)])
        sides = {"ours": lambda: ours(decoded.unsqueeze(1), torch.zeros(PHOTOS))}
        for workers in (0, 2):
            sides[f"decoding each PNG, {workers} workers"] = lambda n=workers: usual(Files(paths), 32, n)
        compare(f"photos of {SIZE} pixels, decoded once", PHOTOS, sides, ">= 20", 1 if QUICK else 3)


class Tiny(torch.nn.Module):
    """Any sample -> 50 means of it -> one logit (n, 1, 1); the work is in the data."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.head = torch.nn.AdaptiveAvgPool1d(50), torch.nn.Linear(50, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(x.flatten(1).unsqueeze(1)).squeeze(1)).unsqueeze(1)


class Peak(threading.Thread):
    """Highest memory of this process in bytes, without the pages of files that it has mapped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.own = 0

    def run(self) -> None:
        while True:
            found = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
            own = sum(int(found[key].split()[0]) * 1024 for key in ("RssAnon", "RssShmem"))
            self.own = max(self.own, own)
            time.sleep(0.05)


def table(folder: Path, rows: int) -> None:
    """data/prepared of a generated table, as prepare.py writes it."""
    (folder / "data/prepared").mkdir(parents=True)
    x = np.lib.format.open_memmap(folder / "data/prepared/x.npy", "w+", np.float32, (rows, COLUMNS))
    chance = np.random.default_rng(0)
    for i in range(0, rows, 1_000_000):
        x[i : i + 1_000_000] = chance.standard_normal((min(1_000_000, rows - i), COLUMNS), np.float32)
    np.save(folder / "data/prepared/y.npy", (x[:, 0] > 0).astype(np.float32))
    part = np.where(np.arange(rows) % 100 == 0, "val", "train")
    pd.DataFrame({"id": np.arange(rows), "label": np.load(folder / "data/prepared/y.npy"), "random": part}).to_parquet(
        folder / "data/prepared/samples.parquet"
    )
    columns = [{"name": f"c{i}", "typical": 0.0, "low": -5.0, "high": 5.0} for i in range(COLUMNS)]
    (folder / "data/prepared/schema.json").write_text(json.dumps({"task": "classification", "columns": columns}))


def photos(folder: Path, count: int) -> None:
    """Generated photos (count, 128, 128) uint8."""
    x = np.lib.format.open_memmap(folder / "photos.npy", "w+", np.uint8, (count, 128, 128))
    some = np.random.default_rng(0).integers(0, 256, (10_000, 128, 128), np.uint8)
    for i in range(0, count, 10_000):
        x[i : i + 10_000] = some[: min(10_000, count - i)]


def child(kind: str, memory: bool) -> None:
    """Trains two epochs in this process, mapped or in memory; prints the speed of the second, and peak memory."""
    peak = Peak()
    peak.start()
    model.build, model.facts = lambda cfg, facts: Tiny(), lambda x, y, schema: {}
    cfg = config.compose(
        "trainer=cpu", "model.epochs=2", "model.mixup=0", f"model.batch={4096 if kind == 'table' else 256}"
    )
    cfg.data.split = "random"
    begun: list[float] = []

    class Clock(train.Bar):
        def on_train_epoch_start(self, *words: object) -> None:
            begun.append(time.perf_counter())
            super().on_train_epoch_start(*words)

        def on_train_epoch_end(self, *words: object) -> None:
            super().on_train_epoch_end(*words)
            begun.append(time.perf_counter())

    train.Bar = Clock
    if kind == "table":
        facts, z, y, part = train.seen(cfg)
    else:
        x = np.load("photos.npy", mmap_mode="c")
        x = x[: len(x) // 5] if memory else x
        part = np.where(np.arange(len(x)) % 100 == 0, "val", "train")
        facts, z, y = (
            {"task": "classification", "spread": 1.0, "data": "photos"},
            torch.from_numpy(x).unsqueeze(1),
            np.zeros(len(x), np.float32),
        )
        y[::2] = 1
    if memory:
        z = z.clone()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        train.fit(cfg, facts, z, y, part, Path("runs/bench"))
    rate = int((part == "train").sum()) / (begun[3] - begun[2])
    print(json.dumps({"rate": rate, "own": peak.own}))


def trained(folder: Path, *words: str) -> dict:
    """What `child` finds in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def from_disk() -> None:
    """A table and photos that are mapped, their pages in the cache as far as it holds them, against memory."""
    with tempfile.TemporaryDirectory(dir=".") as new:
        folder = Path(new).resolve()
        for kind, size, make, what in (
            ("table", 20_000_000, table, "20 million rows x 50, 4 GB"),
            ("photos", 20_000_000_000 // 128**2, photos, "20 GB of photos"),
        ):
            make(folder, size)
            found = [trained(folder, kind, side) for side in ("mapped", "memory", "mapped", "memory")]
            mapped, memory = (max(run["rate"] for run in found[side::2]) for side in (0, 1))
            told, fifth = f"{mapped:,.0f} a second", " (a fifth of them)" if kind == "photos" else ""
            row(f"{what}, mapped", told, f"in memory{fifth} {memory:,.0f}", mapped / memory, ">= 0.5")
            own = max(run["own"] for run in found[::2])
            row(
                f"{what}, mapped: memory beside the map",
                f"{own / 1e9:.2f} GB",
                "limit 2 GB",
                own / 2e9,
                "<= 1",
            )
            for path in folder.rglob("*.npy"):
                path.unlink()


def main() -> None:
    if sys.argv[1:2] in (["table"], ["photos"]):
        child(sys.argv[1], sys.argv[2] == "memory")
        return
    rates()
    curves()
    if not QUICK:
        from_disk()


if __name__ == "__main__":
    main()
