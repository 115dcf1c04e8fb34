"""Training: batches by index_select, features of frozen layers, runs that resume exactly.

A training that was killed and resumed gives the weights of an uninterrupted one, bit for bit, on
the same hardware: order of samples, dropout and augmentation depend on seed, epoch and rank alone.
"""

import logging
import math
import os
import shutil
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import callbacks
from pytorch_lightning import loggers as lightning_loggers
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities import rank_zero_only
from torch import distributed

from .errors import InputError, making, one_line, replace

IN_MEMORY = 4 << 30  # bytes of precomputed features; beyond, they lie in a file
Array = torch.Tensor | np.ndarray
EXPECTED_WARNINGS = ".*(in eval mode|many workers|LeafSpec|deprecated|not empty).*"
LOGGERS = {
    "csv": ("CSVLogger", {"name": ""}),  # a folder for each start; `join_history` joins them
    "tensorboard": ("TensorBoardLogger", {"name": "", "version": ""}),
    "wandb": ("WandbLogger", {}),
    "mlflow": ("MLFlowLogger", {}),
}


class DivergedError(InputError):
    """A loss or a prediction is no finite number."""


class TensorLoader:
    """Batches (x, y) of some rows, by one index_select each: no worker, no Python code per sample.

    With `shuffle`, the order depends on seed and epoch alone (Lightning calls `sampler.set_epoch`),
    the last incomplete batch is dropped, and the processes of torch.distributed share each batch.
    Without, every process gets all rows in order.

    Args:
        x, y: (n, ...) and (n,) tensors or arrays, which may be memory-mapped
        rows: (k,) indices of the samples of this split
        batch_size: samples of one optimizer step, over all processes
        min_steps: of an epoch, with `shuffle`; few rows make smaller batches, of 8 samples or more,
            as a network that takes a few steps learns nothing
        device: the rows are copied there once, if less than half of its free memory is enough
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        rows: Array,
        batch_size: int,
        *,
        shuffle: bool = False,
        min_steps: int = 1,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        x, y, rows = torch.as_tensor(x), torch.as_tensor(y), torch.as_tensor(rows)
        if fits(x[:1].nbytes * len(rows), torch.device(device)):
            x, y = x[rows].to(device), y[rows].to(device)
            rows = torch.arange(len(rows))
        self.x, self.y, self.rows = x, y, rows
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        self.rank, self.n_ranks = 0, 1
        if shuffle and distributed.is_available() and distributed.is_initialized():
            self.rank, self.n_ranks = distributed.get_rank(), distributed.get_world_size()
        least = 1  # samples of a batch of this process
        if shuffle and min_steps > 1:
            batch_size = min(batch_size, max(8, len(rows) // min_steps))
            least = min(8, len(rows) // self.n_ranks)
        self.batch_size = max(1, least, min(batch_size, len(rows)) // self.n_ranks)
        # Lightning asks for both, and calls `loader.sampler.set_epoch`
        self.sampler, self.batch_sampler = self, None

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order the next iteration has."""
        self.epoch = epoch

    def __len__(self) -> int:
        if self.shuffle:
            return len(self.rows) // (self.batch_size * self.n_ranks)  # equal on every rank
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        rows = self.rows
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + 1000 * self.epoch)
            order = torch.randperm(len(rows), generator=generator)
            n_used = len(self) * self.batch_size * self.n_ranks
            rows = rows[order[self.rank : n_used : self.n_ranks]]
        for batch in rows.to(self.x.device).split(self.batch_size):
            yield self.x.index_select(0, batch), self.y.index_select(0, batch)


class Ensemble(torch.nn.ModuleList):
    """Networks whose mean prediction varies less from training to training than that of one.

    Each member trains on its own part of every batch, so that members differ. (Lakshminarayanan,
    Pritzel and Blundell 2017, where members see the same samples in another order.)
    """

    def loss(self, function: Callable[..., torch.Tensor], *batch: torch.Tensor) -> torch.Tensor:
        """Mean over members of function(member, *part), each with its part of the batch."""
        if len(batch[0]) < len(self):
            raise InputError(
                f"{len(batch[0])} samples for {len(self)} members: lower model.members"
            )
        parts = zip(*(values.tensor_split(len(self)) for values in batch), strict=True)
        losses = [function(member, *part) for member, part in zip(self, parts, strict=True)]
        return torch.stack(losses).mean()

    def compile(self, **options: Any) -> None:
        """Compiles each member: training calls them one by one."""
        for member in self:
            member.compile(**options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (n, members, ...)."""
        return torch.stack([member(x) for member in self], dim=1)


def fits(size: int, device: torch.device) -> bool:
    """Whether to keep `size` bytes on the device. On a CPU, samples stay where they are."""
    if device.type == "cuda":
        return size < torch.cuda.mem_get_info(device)[0] / 2
    return device.type != "cpu"


class FrozenFeatures:
    """float16 output of a network's frozen layers, computed once for each sample.

    Args:
        network: has `encode(images (b, ...)) -> (b, ...)`
        images: (n, ...) raw samples, which may be memory-mapped
    """

    def __init__(self, network: torch.nn.Module, images: np.ndarray) -> None:
        self.network, self.images = network, images
        self.features: np.ndarray | None = None
        self.computed = np.zeros(len(images), bool)
        # On a CPU, more than one image leaves the processor's cache and is slower.
        self.device, self.batch_size = "cpu", 1
        if torch.cuda.is_available():
            # torchrun and srun number the processes of a machine
            rank = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0"))
            self.device, self.batch_size = f"cuda:{rank}", 256

    def compute(self, rows: np.ndarray) -> torch.Tensor:
        """Features (n, ...) on the CPU; zeros for rows that no call has computed yet."""
        rows = np.asarray(rows)
        rows = rows[~self.computed[rows]]
        self.network.eval().to(self.device)
        for i in range(0, len(rows), self.batch_size):
            batch = rows[i : i + self.batch_size]
            with torch.inference_mode():
                images = torch.as_tensor(self.images[batch]).to(self.device)
                output = self.network.encode(images).half().cpu().numpy()
            if self.features is None:
                self.features = allocate((len(self.images), *output.shape[1:]))
            self.features[batch], self.computed[batch] = output, True
        self.network.cpu()  # the memory of the device belongs to the training
        return torch.from_numpy(self.features)


def allocate(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros float16, in memory or, if they are large, in a nameless file under runs/."""
    if 2 * math.prod(shape) <= IN_MEMORY:
        return np.zeros(shape, np.float16)
    Path("runs").mkdir(exist_ok=True)
    return np.memmap(tempfile.TemporaryFile(dir="runs"), np.float16, "w+", shape=shape)


def fingerprint(*parts: Any) -> str:
    """Hash of settings, arrays and source files: runs with the same hash give the same weights.

    A part is a plain value, a dict or list of them, an array, an OmegaConf node, or the path of a
    file whose content counts (a text that ends in ".py" is such a path).
    """
    contents = []
    for part in parts:
        if OmegaConf.is_config(part):
            contents.append(OmegaConf.to_container(part, resolve=True))
        elif isinstance(part, Path) or (isinstance(part, str) and part.endswith(".py")):
            contents.append(Path(part).read_bytes())
        else:
            contents.append(part)
    return joblib.hash(contents)[:16]


class EpochSeed(callbacks.Callback):
    """Seeds dropout and augmentation anew in each epoch, differently on each rank."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        torch.manual_seed(self.seed + 1000 * trainer.current_epoch + 7919 * trainer.global_rank)


class AtomicCheckpoint(TorchCheckpointIO):
    """Writes to a new file and renames it: a kill never leaves half of a checkpoint."""

    def save_checkpoint(self, checkpoint: dict, path: Any, storage_options: Any = None) -> None:
        new = Path(f"{path}.new")
        new.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, new)
        replace(new, Path(path))


@dataclass(eq=False, kw_only=True)
class TrainingRun:
    """A training that resumes from its last epoch after a kill, on this machine or another.

        run = TrainingRun(key=[settings, labels, split, Path(__file__)], seed=0, loggers=["csv"])
        trainer = L.Trainer(**run.trainer_kwargs(cfg.trainer, max_epochs=12))
        run.fit(trainer, module, datamodule)  # the module logs "val/loss"
        best_loss = run.finish(trainer, Path("models"))

    Args:
        key: everything the weights depend on, as `fingerprint` takes it; the same key resumes
        loggers: of "dvclive", "csv", "tensorboard", "wandb", "mlflow"
        hyperparameters: what the loggers record; "lr" is named if the training diverges
    """

    key: Sequence[Any]
    seed: int
    loggers: Sequence[str] = ()
    hyperparameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # relative, so that another machine can resume
        self.folder = Path("runs/training", fingerprint(*self.key, self.seed, __file__))
        self.history, self.last = self.folder / "history", self.folder / "last.ckpt"
        checkpoint = callbacks.ModelCheckpoint
        self.best = checkpoint(self.folder, "best", monitor="val/loss", save_weights_only=True)
        self.latest = checkpoint(self.folder, "last", enable_version_counter=False)
        # Lightning makes them absolute, and would not resume where the project lies elsewhere
        self.best.dirpath = self.latest.dirpath = str(self.folder)

    def trainer_kwargs(self, settings: DictConfig, max_epochs: int) -> dict[str, Any]:
        """Arguments of L.Trainer: `settings` (conf/trainer) with checkpoints, loggers and seeds.

        Raises InputError for a missing GPU, an unknown logger, and settings that L.Trainer refuses.
        """
        logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # no tips
        kwargs = {**trainer_settings(settings), "max_epochs": max_epochs}
        with one_line("trainer"):
            pl.Trainer(**kwargs, logger=False)
        self.resumes = zipfile.is_zipfile(self.last)  # not if it is half written
        if rank_zero_only.rank == 0:
            if not self.resumes:
                shutil.rmtree(self.folder, ignore_errors=True)  # a history would have epochs twice
            for path in list(self.history.rglob("*.*")):
                if path.is_file() and not path.stat().st_size:
                    path.unlink()  # killed while it was written; DVCLive cannot read it
        bar = callbacks.TQDMProgressBar(refresh_rate=10)
        return kwargs | {
            "logger": [make_logger(name, self.history) for name in self.loggers],
            "callbacks": [self.best, self.latest, EpochSeed(self.seed), bar],
            "plugins": [AtomicCheckpoint()],
            "log_every_n_steps": 1,
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,
        }

    def fit(self, trainer: pl.Trainer, module: pl.LightningModule, datamodule: Any) -> None:
        """Trains, from the last finished epoch if there is one."""
        if self.resumes and trainer.is_global_zero:
            print("resuming an interrupted training from its last epoch")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", EXPECTED_WARNINGS)
            for logger in trainer.loggers:
                logger.log_hyperparams({**self.hyperparameters, "seed": self.seed})
            last = self.last if self.resumes else None
            trainer.fit(module, datamodule=datamodule, ckpt_path=last, weights_only=True)

    def finish(self, trainer: pl.Trainer, out: Path | str) -> float:
        """Puts best.ckpt and history/ into `out` and removes the run; returns the lowest val/loss.

        Raises DivergedError if no loss was finite.
        """
        lowest = float(self.best.best_model_score)
        if not math.isfinite(lowest):
            shutil.rmtree(self.folder, ignore_errors=True)
            rate = f"model.lr={self.hyperparameters.get('lr')}"
            raise DivergedError(f"{rate}: the training diverged; use a smaller learning rate")
        if trainer.is_global_zero:
            if self.history.exists():
                with making(Path(out, "history")) as history:
                    shutil.copytree(self.history, history)  # a kill here loses nothing
                    join_history(history)
            with making(Path(out, "best.ckpt")) as best:
                shutil.copyfile(self.best.best_model_path, best)
            self.last.unlink()  # first: nothing resumes from a folder that is half removed
            shutil.rmtree(self.folder)
        return lowest


def trainer_settings(settings: DictConfig) -> dict[str, Any]:
    """conf/trainer as arguments of L.Trainer; `compile` is the module's."""
    kwargs = OmegaConf.to_container(OmegaConf.create(settings), resolve=True)
    kwargs.pop("compile", None)
    if kwargs.get("accelerator") == "gpu" and not torch.accelerator.is_available():
        raise InputError("trainer=gpu: there is no GPU here; use trainer=cpu")
    has_cuda = torch.cuda.is_available()
    is_old = has_cuda and not torch.cuda.is_bf16_supported(including_emulation=False)
    if is_old and kwargs.get("precision") == "bf16-mixed":
        kwargs["precision"] = "16-mixed"  # convolutions in bf16 fail on a T4
    return kwargs


def make_logger(name: str, history: Path) -> lightning_loggers.Logger:
    """The logger of that name, writing to `history`. `dvc plots` reads DVCLive's files."""
    if name == "dvclive":
        from dvclive.lightning import DVCLiveLogger

        head = ["git", "rev-parse", "--quiet", "--verify", "HEAD"]  # fails with 1 before a commit
        if shutil.which("git") and subprocess.run(head, capture_output=True).returncode == 1:
            raise InputError("logger dvclive needs a first commit: git add --all, git commit")
        quiet = {"save_dvc_exp": False, "report": None, "dvcyaml": None}
        return DVCLiveLogger(dir=str(history), resume=True, **quiet)
    if name not in LOGGERS:
        raise InputError(f"logger {name}: choose from dvclive, {', '.join(LOGGERS)}")
    kind, settings = LOGGERS[name]
    try:
        return getattr(lightning_loggers, kind)(save_dir=str(history), **settings)
    except ModuleNotFoundError:
        raise InputError(f"logger {name}: not installed; uv add --dev {name}") from None


def join_history(history: Path) -> None:
    """Makes one history of all starts of a training, each step once: its last record counts."""
    starts = sorted(history.glob("version_*"), key=lambda path: int(path.name.split("_")[1]))
    parts = {path: [path] for path in history.rglob("*.tsv")}  # DVCLive appends to its files
    parts[history / "metrics.csv"] = [path for start in starts for path in start.glob("*.csv")]
    for target, paths in parts.items():
        separator = "\t" if target.suffix == ".tsv" else ","
        rows = [pd.read_csv(path, sep=separator, dtype=str) for path in paths]
        if rows:
            rows = pd.concat(rows).drop_duplicates("step", keep="last")
            rows.to_csv(target, sep=separator, index=False, lineterminator="\n")
    for start in starts:
        shutil.rmtree(start)
