"""Arrays -> batches on the device: the LightningDataModule.

What the network keeps frozen is computed once for each sample, and a batch is one `index_select`:
no worker, no copy and no Python loop over samples.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch

PREPARED = Path("data/prepared")


def read() -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict]:
    """x (n, ...) memory-mapped, y (n,), the table of samples and the schema, as prepare.py wrote them."""
    x = np.load(PREPARED / "x.npy", mmap_mode="c")  # "c": pages are read when used, never written
    schema = json.loads((PREPARED / "schema.json").read_text(encoding="utf-8"))
    return x, np.load(PREPARED / "y.npy"), pd.read_parquet(PREPARED / "samples.parquet"), schema


@torch.inference_mode()
def encode(network: torch.nn.Module, x: np.ndarray, accelerator: str = "cpu") -> torch.Tensor:
    """What the network trains on, (n, views, ...) on the CPU; x (n, ...) is raw.

    A network without an `encode` of its own trains on x itself, which is not copied.
    """
    if not hasattr(network, "encode"):
        with torch.inference_mode(False):
            return torch.from_numpy(x).unsqueeze(1)
    cuda = accelerator != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    network = network.eval().to(device)
    few = 256 if cuda else 1  # on a CPU larger ones leave the processor's cache and are slower
    parts = [
        network.encode(torch.from_numpy(np.ascontiguousarray(x[i : i + few])).to(device)).half().cpu()
        for i in range(0, len(x), few)
    ]
    with torch.inference_mode(False):
        return torch.cat(parts).unflatten(0, (len(x), -1)).clone()


class Batches(pl.LightningDataModule):
    """Batches of encoded samples z (n, views, ...) and labels y (n,); `part` (n,) names their part."""

    def __init__(self, z: torch.Tensor, y: np.ndarray, part: np.ndarray, batch: int, seed: int) -> None:
        super().__init__()
        self.z, self.y, self.part = z, torch.from_numpy(y), np.asarray(part)
        self.batch, self.seed = batch, seed
        self.loaders: dict[str, Loader] = {}

    def setup(self, stage: str) -> None:
        """Moves each part to the device that trains, once."""
        device = self.trainer.strategy.root_device
        for name, views in (("train", None), ("val", 1)):  # one view is enough to compare epochs
            rows = torch.from_numpy(np.flatnonzero(self.part == name))
            z, y = self.z[rows, :views], self.y[rows]
            batch = max(1, min(self.batch, len(rows) // self.trainer.world_size))  # data may be few
            self.loaders[name] = Loader(z.to(device), y.to(device), batch)

    def train_dataloader(self) -> "Loader":
        loader = self.loaders["train"]
        loader.shuffle = lambda: self.seed + 1000 * self.trainer.current_epoch
        loader.rank, loader.ranks = self.trainer.global_rank, self.trainer.world_size
        return loader

    def val_dataloader(self) -> "Loader":
        return self.loaders["val"]


class Loader:
    """Batches of z (n, views, ...) and y (n,), by one index_select each.

    Shuffled, a batch holds one random view of each sample, (b, ...), and the same seed gives the
    same batches, so that a resumed run equals an uninterrupted one. Otherwise it holds all views,
    (b, views, ...), in order.
    """

    def __init__(self, z: torch.Tensor, y: torch.Tensor, batch: int) -> None:
        self.z, self.y, self.batch = z, y, batch
        self.shuffle: Callable[[], int] | None = None
        self.rank, self.ranks = 0, 1

    def __len__(self) -> int:
        if self.shuffle:
            return len(self.y) // (self.batch * self.ranks)  # equal batches on every process
        return -(-len(self.y) // self.batch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if self.shuffle is None:
            yield from zip(self.z.split(self.batch), self.y.split(self.batch), strict=True)
            return
        chance = torch.Generator().manual_seed(self.shuffle())
        views = self.z.shape[1]
        order = torch.randperm(len(self.y), generator=chance)
        view = torch.randint(views, (len(self.y),), generator=chance)
        mine = slice(self.rank, len(self) * self.batch * self.ranks, self.ranks)
        rows, pick = (t[mine].to(self.y.device) for t in (order, order * views + view))
        flat = self.z.flatten(0, 1)
        for row, index in zip(rows.split(self.batch), pick.split(self.batch), strict=True):
            yield flat.index_select(0, index), self.y.index_select(0, row)
