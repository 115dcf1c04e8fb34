"""Trains the network and keeps the epoch with the lowest validation loss. `dvc repro train`.

`python -m ... train model=frozen seed=1` overrides settings of conf/; `-m` sweeps under runs/.
"""

from pathlib import Path

import numpy as np
import pytorch_lightning as L
import torch
from heldout import config, stage
from heldout.metrics import QUANTILES
from heldout.torch import Ensemble, TensorLoader, TrainingRun
from omegaconf import DictConfig, OmegaConf
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics import MeanAbsoluteError, MeanMetric

from . import model
from .data import load_prepared
from .model import QuantileForecaster

Batch = tuple[torch.Tensor, torch.Tensor]  # windows (b, history, channels), labels (b,)


class WindowData(L.LightningDataModule):
    """Batches of windows, selected by index: no worker, no per-sample code."""

    def __init__(self, windows: np.ndarray, labels: np.ndarray, split: np.ndarray, cfg: DictConfig):
        super().__init__()
        self.x = torch.from_numpy(windows)  # (n, history, channels) float32, still on disk
        self.y = torch.tensor(labels)  # (n,) float32
        self.split = split  # (n,) of "train", "val", "test", ...
        self.batch_size, self.seed = cfg.model.batch_size * cfg.model.members, cfg.seed

    def _loader(self, split: str, shuffle: bool) -> TensorLoader:
        rows = np.flatnonzero(self.split == split)
        # On a GPU, the windows are moved there once and stay.
        options = {"seed": self.seed, "device": self.trainer.strategy.root_device, "min_steps": 16}
        return TensorLoader(self.x, self.y, rows, self.batch_size, shuffle=shuffle, **options)

    def train_dataloader(self) -> TensorLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> TensorLoader:
        return self._loader("val", shuffle=False)


class Forecaster(L.LightningModule):
    """Quantile regression on windows: pinball loss, AdamW with a one-cycle schedule."""

    def __init__(self, cfg: dict, stats: dict) -> None:
        super().__init__()
        # Plain values only: the checkpoint loads without unpickling. Long lists are not logged.
        self.save_hyperparameters(logger=False)
        self.cfg, self.target_std = cfg, stats["target_std"]
        self.model = Ensemble([QuantileForecaster(cfg, stats) for _ in range(cfg["members"])])
        self.train_loss = MeanMetric()
        self.val_mae = MeanAbsoluteError()

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        loss = self.model.loss(self.member_loss, *batch)  # each member has a part of the batch
        self.train_loss.update(loss.detach())
        return loss

    def member_loss(self, network: QuantileForecaster, windows, labels) -> torch.Tensor:
        return pinball_loss(network(windows), labels) / self.target_std

    def validation_step(self, batch: Batch, _: int) -> None:
        windows, labels = batch
        quantiles = self.model(windows).mean(1)  # (b, 3)
        loss = pinball_loss(quantiles, labels) / self.target_std
        self.val_mae.update(quantiles[:, 1], labels)
        self.log("val/loss", loss, sync_dist=True, prog_bar=True)
        self.log("val/mae", self.val_mae, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        # Logged here and not after training, so that no row is lost if the process is killed.
        self.log("train/loss", self.train_loss)

    def configure_optimizers(self) -> tuple[list, list]:
        lr, weight_decay = self.cfg["lr"], self.cfg["weight_decay"]
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=weight_decay)
        # 10% warm-up (1 step of 10 would divide by zero), then a cosine (Smith and Topin 2019)
        steps = max(11, int(self.trainer.estimated_stepping_batches))
        scheduler = OneCycleLR(optimizer, lr, steps, pct_start=0.1, cycle_momentum=False)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]


def pinball_loss(quantiles: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean pinball loss (Koenker and Bassett 1978) of quantiles (b, 3) for labels (b,)."""
    # A 90% quantile that is too low costs nine times as much as one that is too high.
    error = labels[:, None] - quantiles  # (b, 3)
    level = torch.tensor(QUANTILES, device=error.device)
    return torch.maximum(level * error, (level - 1) * error).mean()


@stage
def main(cfg: DictConfig) -> float:
    """Writes models/best.ckpt and models/history/; returns the lowest validation loss."""
    _, samples, _ = load_prepared()
    best_loss = fit(cfg, samples[cfg.data.split].to_numpy(), config.output_dir("models"))
    print(f"lowest validation loss: {best_loss:.4f}")
    return best_loss


def fit(cfg: DictConfig, split: np.ndarray, out: Path) -> float:
    """Trains on split (n,) == "train"; writes out/best.ckpt, returns its validation loss."""
    windows, samples, schema = load_prepared()
    labels = samples.label.to_numpy()
    L.seed_everything(cfg.seed, verbose=False)
    settings = OmegaConf.to_container(cfg.model, resolve=True)
    forecaster = Forecaster(settings, training_stats(windows, labels, split))
    if cfg.trainer.compile:
        forecaster.model.compile()
    data = WindowData(windows, labels, split, cfg)
    # An interrupted training run with the same key is resumed.
    key = [settings, cfg.trainer, schema["data"], split, __file__, model.__file__]
    run = TrainingRun(key=key, seed=cfg.seed, loggers=cfg.logger, hyperparameters=settings)
    trainer = L.Trainer(**run.trainer_kwargs(cfg.trainer, max_epochs=cfg.model.epochs))
    run.fit(trainer, forecaster, data)
    return run.finish(trainer, out)


def training_stats(windows: np.ndarray, labels: np.ndarray, split: np.ndarray) -> dict:
    """Mean and standard deviation of channels and target, from split (n,) == "train" alone."""
    rows = np.flatnonzero(split == "train")
    # Windows overlap: 20,000 of them have almost the same statistics as all.
    sampled = windows[rows[:: max(1, len(rows) // 20_000)]]
    steps = sampled.reshape(-1, windows.shape[2]).astype(float)  # (k * history, channels)
    feature_std = steps.std(axis=0)
    feature_std[feature_std == 0] = 1  # a constant channel stays 0, not NaN
    return {
        "feature_mean": steps.mean(axis=0).tolist(),
        "feature_std": feature_std.tolist(),
        "target_mean": float(labels[rows].mean()),
        "target_std": float(labels[rows].std()),
        "history": windows.shape[1],
    }


@torch.inference_mode()
def predict(checkpoint: Path, rows: np.ndarray) -> np.ndarray:
    """Quantiles (k, 3) for `rows` (k,) of the prepared windows, the mean of all members."""
    windows, _, _ = load_prepared()
    network = load_network(checkpoint)
    batches = np.array_split(rows, -(-len(rows) // 4096))
    quantiles = [network(torch.from_numpy(windows[batch])).mean(1) for batch in batches]
    return torch.cat(quantiles).numpy()


def load_network(checkpoint: str | Path) -> Ensemble:
    """The trained networks on the CPU, without dropout."""
    # weights_only: no code in the file is run
    return Forecaster.load_from_checkpoint(checkpoint, "cpu", weights_only=True).model.eval()


if __name__ == "__main__":
    main()
