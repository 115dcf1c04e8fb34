"""Arrays -> batches on the device: the LightningDataModule.

What the network keeps frozen is computed once for each sample, and a batch is one `index_select`:
no worker, no copy and no Python loop over samples. Data larger than memory stays on disk, mapped.
"""

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch

LARGEST = 4 << 30  # bytes of encoded samples in memory


@torch.inference_mode()
def encode(
    network: torch.nn.Module, x: np.ndarray, rows: np.ndarray, accelerator: str = "cpu"
) -> torch.Tensor:
    """What the network trains on, (n, views, ...) on the CPU; x (n, ...) is raw, `rows` (k,) are computed.

    A network without an `encode` of its own trains on x itself, which is not copied.
    """
    if not hasattr(network, "encode"):
        with torch.inference_mode(False):
            return torch.from_numpy(x).unsqueeze(1)
    cuda = accelerator != "cpu" and torch.cuda.is_available()
    local = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", 0))  # of torchrun, of srun
    device = torch.device("cuda", int(local)) if cuda else torch.device("cpu")
    network = network.eval().to(device)
    few = 256 if cuda else 1  # on a CPU larger ones leave the processor's cache and are slower
    z = None
    for i in range(0, len(rows), few):
        some = rows[i : i + few]
        found = network.encode(torch.from_numpy(x[some]).to(device)).half().cpu()
        found = found.unflatten(0, (len(some), -1)).numpy()
        z = room((len(x), *found.shape[1:])) if z is None else z
        z[some] = found
    with torch.inference_mode(False):
        return torch.from_numpy(z)


def room(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros float16, in memory or, if they are large, in a nameless file; unwritten ones take no place."""
    if 2 * math.prod(shape) <= LARGEST:
        return np.zeros(shape, np.float16)
    Path("runs").mkdir(exist_ok=True)
    return np.memmap(tempfile.TemporaryFile(dir="runs"), np.float16, "w+", shape=shape)


class Batches(pl.LightningDataModule):
    """Batches of encoded samples z (n, views, ...) and labels y (n,); `part` (n,) names their part.

    `batch` samples make a step; several processes share them.
    """

    def __init__(self, z: torch.Tensor, y: np.ndarray, part: np.ndarray, batch: int, seed: int) -> None:
        super().__init__()
        self.z, self.y, self.part = z, torch.from_numpy(y), np.asarray(part)
        self.batch, self.seed = batch, seed
        self.loaders: dict[str, Loader] = {}

    def setup(self, stage: str) -> None:
        """Moves each part to the device that trains, once, if it has room; else batches are moved."""
        device = self.trainer.strategy.root_device
        for name, views in (("train", None), ("val", 1)):  # one view is enough to compare epochs
            rows = torch.from_numpy(np.flatnonzero(self.part == name))
            z, y = self.z[:, :views], self.y
            if fits(z[:1].nbytes * len(rows), device):
                z, y, rows = z[rows].to(device), y[rows].to(device), torch.arange(len(rows))
            batch = max(1, min(self.batch, len(rows)) // self.trainer.world_size)  # data may be few
            self.loaders[name] = Loader(z, y, rows, batch)

    def teardown(self, stage: str) -> None:
        """Lets go of the device's memory, for the next training of a search or a cross-validation."""
        self.loaders.clear()

    def train_dataloader(self) -> "Loader":
        loader = self.loaders["train"]
        loader.shuffle = lambda: self.seed + 1000 * self.trainer.current_epoch
        loader.rank, loader.ranks = self.trainer.global_rank, self.trainer.world_size
        return loader

    def val_dataloader(self) -> "Loader":
        return self.loaders["val"]


def fits(size: int, device: torch.device) -> bool:
    """Whether so many bytes may lie on the device for good; on a CPU they stay where they are."""
    return size < torch.cuda.mem_get_info(device)[0] / 2 if device.type == "cuda" else device.type != "cpu"


class Loader:
    """Batches of the `rows` (k,) of z (n, views, ...) and y (n,), by one index_select each.

    Shuffled, a batch holds one random view of each sample, (b, ...), and the same seed gives the
    same batches, so that a resumed run equals an uninterrupted one. Otherwise it holds all views,
    (b, views, ...), in order.
    """

    def __init__(self, z: torch.Tensor, y: torch.Tensor, rows: torch.Tensor, batch: int) -> None:
        self.z, self.y, self.rows, self.batch = z, y, rows, batch
        self.shuffle: Callable[[], int] | None = None
        self.rank, self.ranks = 0, 1

    def __len__(self) -> int:
        if self.shuffle:
            return len(self.rows) // (self.batch * self.ranks)  # equal batches on every process
        return -(-len(self.rows) // self.batch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        device = self.y.device
        if self.shuffle is None:
            for row in self.rows.to(device).split(self.batch):
                yield self.z.index_select(0, row), self.y.index_select(0, row)
            return
        chance = torch.Generator().manual_seed(self.shuffle())
        n, views = len(self.rows), self.z.shape[1]
        order = torch.randperm(n, generator=chance)
        view = torch.randint(views, (n if views > 1 else 1,), generator=chance).expand(n)
        mine = slice(self.rank, len(self) * self.batch * self.ranks, self.ranks)
        rows, view = self.rows[order[mine]].to(device), view[mine].to(device)
        flat = self.z.flatten(0, 1)
        for row, pick in zip(rows.split(self.batch), view.split(self.batch), strict=True):
            yield flat.index_select(0, row * views + pick), self.y.index_select(0, row)
