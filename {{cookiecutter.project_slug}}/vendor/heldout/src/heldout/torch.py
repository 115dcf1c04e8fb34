"""Training: batches by index_select, features of frozen layers, runs that resume exactly.

A training that was killed and resumed gives the weights of an uninterrupted one, bit for bit, on
the same hardware: order of samples, dropout and augmentation depend on seed, epoch and rank alone.
"""

import hashlib
import logging
import math
import os
import shutil
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import callbacks
from pytorch_lightning import loggers as lightning_loggers
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from .errors import InputError, replace

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


@dataclass(eq=False)
class TensorLoader:
    """Batches (x, y) of some rows, by one index_select each: no worker, no Python code per sample.

    With `shuffle`, the order depends on seed and epoch alone (Lightning calls `sampler.set_epoch`),
    the last incomplete batch is dropped, and the processes of torch.distributed share each batch.
    Without, every process gets all rows in order.

    Args:
        x, y: (n, ...) and (n,) tensors or arrays, which may be memory-mapped
        rows: (k,) indices of the samples of this split
        batch_size: samples of one optimizer step, over all processes
        device: the rows are copied there once, if less than half of its free memory is enough
    """

    x: Array
    y: Array
    rows: Array
    batch_size: int
    _: KW_ONLY
    shuffle: bool = False
    seed: int = 0
    device: torch.device | str | None = None
    epoch: int = 0

    def __post_init__(self) -> None:
        x, y = torch.as_tensor(self.x), torch.as_tensor(self.y)
        rows = torch.as_tensor(self.rows, dtype=torch.long)
        if fits(x[:1].nbytes * len(rows), torch.device(self.device or "cpu")):
            x, y = x[rows].to(self.device), y[rows].to(self.device)
            rows = torch.arange(len(rows))
        self.x, self.y, self.rows = x, y, rows
        # Lightning asks for both, and calls `loader.sampler.set_epoch`
        self.sampler, self.batch_sampler = self, None

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order the next iteration has."""
        self.epoch = epoch

    def _share(self) -> tuple[int, int, int]:
        """Rank and number of the processes, and the batch size of this one."""
        rank, n_ranks = 0, 1
        if self.shuffle and torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, n_ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
        return rank, n_ranks, max(1, min(self.batch_size, len(self.rows)) // n_ranks)

    def __len__(self) -> int:
        _, n_ranks, batch_size = self._share()
        if self.shuffle:
            return len(self.rows) // (batch_size * n_ranks)  # equal on every rank
        return -(-len(self.rows) // batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        rank, n_ranks, batch_size = self._share()
        rows = self.rows
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + 1000 * self.epoch)
            order = torch.randperm(len(rows), generator=generator)
            rows = rows[order[rank : len(self) * batch_size * n_ranks : n_ranks]]
        for batch in rows.to(self.x.device).split(batch_size):
            yield self.x.index_select(0, batch), self.y.index_select(0, batch)


def fits(size: int, device: torch.device) -> bool:
    """Whether to keep `size` bytes on the device. On a CPU, samples stay where they are."""
    if device.type == "cuda":
        return size < torch.cuda.mem_get_info(device)[0] / 2
    return device.type != "cpu"


@dataclass(eq=False)
class FrozenFeatures:
    """float16 output of a network's frozen layers, computed once for each sample.

    Args:
        network: has `encode(images (b, ...)) -> (b, ...)`
        images: (n, ...) raw samples, which may be memory-mapped
        device: where to compute; default: the GPU of this process, if there is one
    """

    network: torch.nn.Module
    images: np.ndarray
    device: torch.device | str | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.device is None:
            # torchrun and srun number the processes of a machine
            number = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0"))
            self.device = f"cuda:{number}" if torch.cuda.is_available() else "cpu"
        # On a CPU, more than one image leaves the processor's cache and is slower.
        self.batch_size = self.batch_size or (1 if str(self.device) == "cpu" else 256)
        self.features: np.ndarray | None = None
        self.computed = np.zeros(len(self.images), bool)

    def compute(self, rows: np.ndarray | None = None) -> torch.Tensor:
        """Features (n, ...) on the CPU; zeros for rows that no call has computed yet."""
        rows = np.arange(len(self.images)) if rows is None else np.asarray(rows)
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

    A part is a plain value, a dict or list of parts, an array or tensor, an OmegaConf node, or the
    path of a file whose content counts (a text that ends in ".py" is such a path).
    """
    digest = hashlib.sha256()
    for part in parts:
        if OmegaConf.is_config(part):
            part = OmegaConf.to_container(part, resolve=True)
        if isinstance(part, dict):  # in any order
            content = fingerprint(*sorted(part.items(), key=str))
        elif isinstance(part, list | tuple):
            content = fingerprint(*part)
        elif isinstance(part, torch.Tensor):
            content = fingerprint(part.detach().cpu().numpy())
        elif isinstance(part, np.ndarray) and part.dtype != object:
            memory = np.ascontiguousarray(part).view(np.uint8)
            content = f"{part.dtype} {part.shape} {hashlib.sha256(memory).hexdigest()}"
        elif isinstance(part, np.ndarray):
            content = repr(part.tolist())
        elif isinstance(part, Path) or (isinstance(part, str) and part.endswith(".py")):
            content = hashlib.sha256(Path(part).read_bytes()).hexdigest()
        elif part is None or isinstance(part, str | int | float | np.generic):
            content = repr(part)
        else:
            raise TypeError(f"fingerprint: cannot hash a {type(part).__name__}")
        # with the length, so that no two lists of parts look the same
        digest.update(f"{type(part).__name__} {len(content)} {content}\n".encode())
    return digest.hexdigest()[:16]


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
        root: folder of all unfinished runs, relative, so that another machine can resume
    """

    key: Sequence[Any]
    seed: int
    loggers: Sequence[str] = ()
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    root: Path = Path("runs/training")

    def __post_init__(self) -> None:
        if isinstance(self.loggers, str):
            raise InputError(f"logger={self.loggers}: write a list, logger=[{self.loggers}]")
        self.folder = Path(self.root, fingerprint(list(self.key), self.seed, Path(__file__)))
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
        try:
            pl.Trainer(**kwargs, logger=False)
        except (MisconfigurationException, TypeError, ValueError) as error:
            raise InputError(f"trainer: {' '.join(str(error).split())}") from None
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
        out, lowest = Path(out), float(self.best.best_model_score)
        if not math.isfinite(lowest):
            shutil.rmtree(self.folder, ignore_errors=True)
            rate = f"model.lr={self.hyperparameters.get('lr')}"
            raise DivergedError(f"{rate}: the training diverged; use a smaller learning rate")
        if trainer.is_global_zero:
            out.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(out / "history.new", ignore_errors=True)
            shutil.copyfile(self.best.best_model_path, out / "best.new")
            if self.history.exists():
                # joined in a copy: a kill here loses nothing
                shutil.copytree(self.history, out / "history.new")
                join_history(out / "history.new")
                replace(out / "history.new", out / "history")
            replace(out / "best.new", out / "best.ckpt")
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
    settings = {"index": False, "lineterminator": "\n"}
    for path in history.rglob("*.tsv"):  # DVCLive
        rows = pd.read_csv(path, sep="\t", dtype=str).drop_duplicates("step", keep="last")
        rows.to_csv(path, sep="\t", **settings)
    starts = sorted(history.glob("version_*"), key=lambda path: int(path.name.split("_")[1]))
    paths = [start / "metrics.csv" for start in starts if (start / "metrics.csv").exists()]
    if paths:
        rows = pd.concat([pd.read_csv(path, dtype=str) for path in paths])
        rows.drop_duplicates("step", keep="last").to_csv(history / "metrics.csv", **settings)
        (starts[-1] / "hparams.yaml").replace(history / "hparams.yaml")
    for start in starts:
        shutil.rmtree(start)
