"""On a GPU: samples per second, GPU utilization, bf16, compile, memory, minutes and price of the training.

Prints nothing without a GPU; `--rehearse` runs the same code on the CPU with few steps. DOLLARS_AN_HOUR is the price of
this GPU where it is rented.
"""

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytorch_lightning as pl
import torch
import training
from heldout import config
from heldout.torch import TensorLoader, trainer_settings
from measure import KIND, prepare, row
from omegaconf import DictConfig
from project import data, train
from torch.utils.data import DataLoader, TensorDataset

REHEARSE = "--rehearse" in sys.argv
GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
TRAINER = "trainer=gpu" if GPU else "trainer=cpu"
ROUNDS = 1 if REHEARSE else 3
STEPS = 20 if REHEARSE else 500  # of an epoch, so that validation and checkpoints weigh little
BATCH_SIZES = {"image": 256, "table": 4096, "series": 4096}
TARGETS = {"image": ">= 5", "table": ">= 50", "series": ">= 50"}
N_WORKERS = 0 if REHEARSE else 8


class RepeatedLoader(TensorLoader):
    """A TensorLoader whose training rows repeat until an epoch has STEPS steps."""

    def __post_init__(self) -> None:
        if self.shuffle:
            self.rows = np.resize(np.asarray(self.rows), STEPS * self.batch_size)
        super().__post_init__()


def compose(*overrides: str) -> DictConfig:
    """The configuration of the comparisons on this device."""
    batch_size = BATCH_SIZES[KIND]
    if REHEARSE:
        batch_size = min(batch_size, 64)
    return config.compose(TRAINER, "model.epochs=3", f"model.batch_size={batch_size}", *overrides)


def fit_dataloader(cfg: DictConfig, split: np.ndarray) -> list[float]:
    """Seconds per step of the project's module with a DataLoader of single samples and eight workers."""
    module, datamodule = training.build(cfg, split)
    loaders = []
    for loader in (datamodule.train_dataloader(), datamodule.val_dataloader()):
        x, y = loader.x[loader.rows].cpu(), loader.y[loader.rows].cpu()
        if KIND == "image":
            x = x[:, :1].clone()  # as usual, a sample has one flip
        workers = N_WORKERS if loader.shuffle else 0
        options = {"shuffle": loader.shuffle, "drop_last": loader.shuffle, "pin_memory": GPU}
        options |= {"num_workers": workers, "persistent_workers": workers > 0}
        loaders.append(DataLoader(TensorDataset(x, y), cfg.model.batch_size * cfg.model.members, **options))
    timer, flips = training.EpochTimer(), contextlib.nullcontext()
    if KIND == "image":
        flips = mock.patch.object(train, "FLIPS", [()])
    with training.silence(), flips:
        training.minimal_trainer(cfg, timer).fit(module, *loaders)
    return timer.step_seconds()


def empty_cache() -> None:
    """Gives the memory of the last measurement back to the GPU."""
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()


class UtilizationTimer(training.EpochTimer):
    """Seconds of a step in which at least one kernel runs, from 50 profiled steps of the second epoch.

    The profiler slows down the steps, but not the kernels.
    """

    steps = range(20, 70)

    def __init__(self) -> None:
        super().__init__()
        self.busy_seconds = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: object, step: int) -> None:
        if trainer.current_epoch != 1:
            return
        if step == self.steps.start:
            training.synchronize()
            self.profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
            self.profile.__enter__()
        if step == self.steps.stop:
            training.synchronize()
            self.profile.__exit__(None, None, None)
            self.busy_seconds = busy_microseconds(self.profile) / 1e6 / len(self.steps)


def busy_microseconds(profile: torch.profiler.profile) -> float:
    """Time in which a kernel runs; parallel kernels count once."""
    spans = []
    for event in profile.events():
        is_kernel = event.device_type == torch.autograd.DeviceType.CUDA
        is_copy = event.name.startswith(("Memcpy", "Memset"))
        if is_kernel and not is_copy and not getattr(event, "is_user_annotation", False):
            spans.append((event.time_range.start, event.time_range.end))
    busy, latest = 0.0, 0.0
    for start, end in sorted(spans):
        busy += max(0.0, end - max(start, latest))
        latest = max(latest, end)
    return busy


def matrix_operations(dtype: torch.dtype) -> float:
    """Operations per second of this device in a product of large matrices."""
    size = 256 if REHEARSE else 8192
    a, b = (torch.randn(size, size, device=DEVICE, dtype=dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    training.synchronize()
    start = time.perf_counter()
    for _ in range(10):
        a @ b
    training.synchronize()
    return 10 * 2 * size**3 / (time.perf_counter() - start)


def measure_rates(cfg: DictConfig, split: np.ndarray) -> dict[str, float]:
    """Rows for samples per second of the project against other loops; returns them by name."""
    loops: dict[str, Callable[[], list[float]]] = {
        "project": lambda: training.fit_project(cfg, split),
        "bare": lambda: training.fit_bare(cfg, split),
        "DataLoader": lambda: fit_dataloader(cfg, split),
    }
    if GPU:
        loops["32 bit"] = lambda: training.fit_project(compose("trainer.precision=32-true"), split)
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            empty_cache()
            seconds[name] += loop()
    batch_size = cfg.model.batch_size * cfg.model.members  # each member trains on its own part
    rates = {name: batch_size / float(np.median(times)) for name, times in seconds.items()}
    rate, what = rates["project"], f"samples a second, batch {batch_size:,}"
    row(what, f"{rate:,.0f}", f"bare loop {rates['bare']:,.0f}", rate / rates["bare"], ">= 0.95")
    reference = f"DataLoader, {N_WORKERS} workers {rates['DataLoader']:,.0f}"
    row(what, f"{rate:,.0f}", reference, rate / rates["DataLoader"], TARGETS[KIND])
    if GPU:
        what = f"{trainer_settings(cfg.trainer)['precision']} against 32 bit (TF32 in convolutions)"
        row(what, f"{rate:,.0f}", f"{rates['32 bit']:,.0f}", rate / rates["32 bit"])
    return rates


def measure_compile(rate: float, split: np.ndarray) -> None:
    """A row for the compiled network against the eager one, which has this rate in samples per second."""
    cfg, what = compose("trainer.compile=true"), "compiled against eager"
    empty_cache()
    try:  # needs a C compiler
        compiled = cfg.model.batch_size * cfg.model.members / float(np.median(training.fit_project(cfg, split)))
    except Exception as error:
        row(what, "not measured", (str(error).splitlines() or [type(error).__name__])[0])
    else:
        row(what, f"{compiled:,.0f}", f"{rate:,.0f}", compiled / rate)


def measure_utilization(cfg: DictConfig, split: np.ndarray, step_seconds: float) -> None:
    """A row for the share of a step in which the GPU works."""
    timer = UtilizationTimer()
    training.fit_project(cfg, split, timer)
    share = timer.busy_seconds / step_seconds
    row("share of an epoch in which the GPU works", f"{share:.0%}", "", share, ">= 0.9")


def measure_operations(cfg: DictConfig, split: np.ndarray, rate: float) -> None:
    """A row for operations per second of the training against those of a matrix product."""
    module, datamodule = training.build(cfg, split)
    loader = datamodule.train_dataloader()
    x = loader.x[loader.rows[:4]]
    operations = rate * training.step_operations(module.to(x.device), x)
    dtype = training.AMP_TYPES.get(trainer_settings(cfg.trainer)["precision"], torch.float32)
    peak = matrix_operations(dtype)
    value, reference = f"{operations / 1e12:.3g} trillion", f"product of matrices {peak / 1e12:.3g}"
    row("operations a second of the network", value, reference, operations / peak)


def measure_training(split: np.ndarray) -> None:
    """A row for the default training: minutes, dollars if DOLLARS_AN_HOUR is set, and peak memory."""
    overrides = [TRAINER]
    if REHEARSE:
        overrides.append("model.epochs=1")
    cfg = config.compose(*overrides)
    if hasattr(train, "frozen_features"):
        train.frozen_features.cache_clear()  # their computation is part of the training
    empty_cache()
    if GPU:
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    with training.silence():
        train.fit(cfg, split, Path("runs/gpu"))
    minutes = (time.perf_counter() - start) / 60
    text, memory = f"{minutes:.2f} min", ""
    if "DOLLARS_AN_HOUR" in os.environ:
        price = float(os.environ["DOLLARS_AN_HOUR"])
        text += f", {minutes / 60 * price:.4f} dollars at {price:g} an hour"
    if GPU:
        memory = f"{torch.cuda.max_memory_allocated() / 1e9:.2f} GB at most"
    row("the default training", text, memory)


@contextlib.contextmanager
def repeated_rows() -> Iterator[None]:
    """Makes epochs of STEPS steps from the training rows of any dataset."""
    with mock.patch.object(train, "TensorLoader", RepeatedLoader):
        yield


def main() -> None:
    if not GPU and not REHEARSE:
        return
    prepare("prepare")
    cfg = compose()
    split = data.load_prepared()[1][cfg.data.split].to_numpy()
    with repeated_rows():
        rate = measure_rates(cfg, split)["project"]
        if GPU:
            measure_compile(rate, split)
            measure_utilization(cfg, split, cfg.model.batch_size * cfg.model.members / rate)
        measure_operations(cfg, split, rate)
    measure_training(split)


if __name__ == "__main__":
    main()
