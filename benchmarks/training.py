"""Seconds per training step: the project's own training, Lightning alone, and a bare PyTorch loop.

All three use the same module, batches, loss, optimizer, schedule and precision. `train.fit` of the project builds them;
here its TrainingRun is replaced by one that times epochs, or by one that only keeps what was built.
"""

import contextlib
import functools
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytorch_lightning as pl
import torch
from heldout.torch import TrainingRun, trainer_settings
from measure import KIND
from omegaconf import DictConfig, OmegaConf
from project import train
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"  # Lightning sets it when it is imported
AMP_TYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class EpochTimer(pl.Callback):
    """Records when each epoch starts, and the number of steps of an epoch."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.n_steps = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        synchronize()
        self.starts.append(time.perf_counter())
        self.n_steps = trainer.num_training_batches

    def step_seconds(self) -> list[float]:
        """Seconds per step of each epoch but the first (a warm-up) and the last (no next one starts)."""
        return list(np.diff(self.starts)[1:] / self.n_steps)


@dataclass(eq=False, kw_only=True)
class TimedRun(TrainingRun):
    """A TrainingRun with one more callback."""

    timer: EpochTimer

    def trainer_kwargs(self, settings: DictConfig, max_epochs: int) -> dict:
        kwargs = super().trainer_kwargs(settings, max_epochs)
        kwargs["callbacks"].append(self.timer)
        return kwargs


@dataclass(eq=False, kw_only=True)
class BuildOnly(TrainingRun):
    """A TrainingRun that keeps module and datamodule in `built` instead of training."""

    built: list

    def fit(self, trainer: pl.Trainer, module: pl.LightningModule, datamodule: pl.LightningDataModule) -> None:
        datamodule.trainer = trainer  # its loaders ask for the device
        self.built += [module, datamodule]

    def finish(self, trainer: pl.Trainer, out: Path) -> float:
        return 0.0


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Hides what is printed, so that a progress bar does not wait for a terminal."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def synchronize() -> None:
    """Waits for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def build(cfg: DictConfig, split: np.ndarray) -> tuple[pl.LightningModule, pl.LightningDataModule]:
    """Module and datamodule of the project for this configuration, without a training."""
    cfg, built = OmegaConf.merge(cfg, {"logger": []}), []
    with mock.patch.object(train, "TrainingRun", functools.partial(BuildOnly, built=built)), silence():
        train.fit(cfg, split, Path("runs/bench"))
    module, datamodule = built
    return module, datamodule


def fit_project(cfg: DictConfig, split: np.ndarray, timer: EpochTimer | None = None) -> list[float]:
    """Seconds per step of the project's training: validation, progress bar, logs and checkpoints included."""
    timer = timer or EpochTimer()
    with mock.patch.object(train, "TrainingRun", functools.partial(TimedRun, timer=timer)), silence():
        train.fit(cfg, split, Path("runs/bench"))
    return timer.step_seconds()


def minimal_trainer(cfg: DictConfig, timer: EpochTimer, **options: object) -> pl.Trainer:
    """Lightning's loop without logs, checkpoints and sanity check."""
    options = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, **options}
    settings = {**trainer_settings(cfg.trainer), "max_epochs": cfg.model.epochs, "num_sanity_val_steps": 0}
    return pl.Trainer(**settings, callbacks=[timer], **options)


def fit_lightning(cfg: DictConfig, split: np.ndarray) -> list[float]:
    """Seconds per step of the same module and batches in Lightning's loop: no progress bar, log or checkpoint."""
    module, datamodule = build(cfg, split)
    timer = EpochTimer()
    with silence():
        minimal_trainer(cfg, timer, enable_progress_bar=False).fit(module, datamodule=datamodule)
    return timer.step_seconds()


def fit_bare(cfg: DictConfig, split: np.ndarray) -> list[float]:
    """Seconds per step without Lightning: the same batches, loss, precision, optimizer, schedule and validation."""
    module, datamodule = build(cfg, split)
    device = datamodule.trainer.strategy.root_device
    module.to(device)
    loader, val_loader = datamodule.train_dataloader(), datamodule.val_dataloader()
    dtype = AMP_TYPES.get(trainer_settings(cfg.trainer)["precision"])
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    autocast = torch.autocast(device.type, dtype, enabled=dtype is not None)
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=cfg.model.lr, weight_decay=cfg.model.weight_decay)
    n_steps = max(11, cfg.model.epochs * len(loader))
    options = {"pct_start": 0.1, "cycle_momentum": False}
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, cfg.model.lr, n_steps, **options)
    # With this variable, each optimizer step asks for a driver: 0.04 ms where there is no GPU.
    nvml = os.environ.pop(NVML, None)
    starts = []
    for epoch in range(cfg.model.epochs):
        synchronize()
        starts.append(time.perf_counter())
        loader.set_epoch(epoch)
        module.train()
        for batch in loader:
            with autocast:
                loss = training_loss(module, *batch)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            schedule.step()
        module.eval()
        with torch.inference_mode(), autocast:
            for batch in val_loader:
                validation_loss(module, *batch)
    if nvml:
        os.environ[NVML] = nvml
    return list(np.diff(starts)[1:] / len(loader))


def training_loss(module: pl.LightningModule, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of a training step, without metrics; x (b, ...), y (b,)."""
    if KIND == "image":
        flip = torch.randint(len(train.FLIPS), (len(y),), device=x.device)
        x = x[torch.arange(len(y), device=x.device), flip].float()
        if module.cfg["mixup"]:
            x, y = train.mixup(x, y, module.cfg["mixup"])
        return F.binary_cross_entropy_with_logits(module.model(x), y)
    if KIND == "series":
        return train.pinball_loss(module.model(x), y) / module.target_std
    return module.model.loss(module.model(x), y)


def validation_loss(module: pl.LightningModule, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of a validation step, without metrics; x (b, ...), y (b,)."""
    if KIND == "image":
        return F.binary_cross_entropy_with_logits(module.model(x[:, 0].float()), y)
    if KIND == "series":
        return train.pinball_loss(module.model(x), y) / module.target_std
    return module.model.loss(module.model(x).mean(1, keepdim=True), y)


def step_operations(module: pl.LightningModule, x: torch.Tensor) -> float:
    """Floating-point operations of a training step per sample of x (b, ...): three times those of the forward pass.

    PyTorch's count of the backward pass takes grouped convolutions for full ones.
    """
    module.eval()
    x = x[:, 0].float() if KIND == "image" else x  # one flip
    return 3 * forward_operations(module.model, x)


def forward_operations(function, x: torch.Tensor) -> float:
    """Floating-point operations of function(x) per sample of x (b, ...)."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        function(x)
    return counter.get_total_flops() / len(x)
