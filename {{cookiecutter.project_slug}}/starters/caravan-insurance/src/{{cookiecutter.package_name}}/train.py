"""Trains the network and keeps the epoch with the lowest validation loss. `dvc repro train`."""

from pathlib import Path

import numpy as np
import pytorch_lightning as L
import torch
from heldout import config, stage
from heldout.torch import Ensemble, TensorLoader, TrainingRun
from omegaconf import DictConfig, OmegaConf
from torchmetrics import MeanMetric

from . import model
from .data import load_prepared
from .model import NETWORKS, training_statistics

MAX_ROWS = 4096  # of one forward pass outside training


class TableData(L.LightningDataModule):
    """Batches of encoded rows, selected by index: no worker, no per-sample code."""

    def __init__(self, x: np.ndarray, y: np.ndarray, split: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.x, self.y = torch.from_numpy(x), torch.tensor(y)  # (n, columns), (n,), float32
        self.split = split  # (n,) of "train", "val", "test", ...
        self.options = {"batch_size": batch_size, "seed": seed, "min_steps": 16}

    def _loader(self, split: str, shuffle: bool) -> TensorLoader:
        rows, device = np.flatnonzero(self.split == split), self.trainer.strategy.root_device
        return TensorLoader(self.x, self.y, rows, shuffle=shuffle, device=device, **self.options)

    def train_dataloader(self) -> TensorLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> TensorLoader:
        return self._loader("val", shuffle=False)


class TabularModel(L.LightningModule):
    """Trains the members of an ensemble: AdamW with a one-cycle schedule."""

    def __init__(self, cfg: dict, task: str, stats: dict) -> None:
        super().__init__()
        # Plain values only: the checkpoint loads without unpickling. Too long for the loggers.
        self.save_hyperparameters(logger=False)
        self.cfg = cfg
        self.model = Ensemble([NETWORKS[task](cfg, stats) for _ in range(cfg["members"])])
        self.train_loss = MeanMetric()

    def training_step(self, batch: tuple[torch.Tensor, ...], _: int) -> torch.Tensor:
        # Each member trains on its own part of the batch: x (b, columns), y (b,).
        loss = self.model.loss(lambda member, x, y: member.loss(member(x), y), *batch)
        self.train_loss.update(loss.detach())
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], _: int) -> None:
        x, y = batch
        outputs = self.model(x).mean((1, 2))[:, None]  # (b, 1, n_outputs): the mean of all networks
        loss = self.model[0].loss(outputs, y)
        self.log("val/loss", loss, batch_size=len(y), sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        # Logged here and not after training, so that no row is lost if the process is killed.
        self.log("train/loss", self.train_loss)

    def configure_optimizers(self) -> tuple[list, list]:
        lr, weight_decay = self.cfg["lr"], self.cfg["weight_decay"]
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=weight_decay)
        # 10% warm-up, then a cosine to almost zero (Smith and Topin 2019). A warm-up of one step,
        # 10% of 10, would divide by zero.
        n_steps = max(11, int(self.trainer.estimated_stepping_batches))
        options = {"total_steps": n_steps, "pct_start": 0.1, "cycle_momentum": False}
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, **options)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


@stage
def main(cfg: DictConfig) -> float:
    """Writes models/best.ckpt and models/history/; returns the lowest validation loss."""
    split = load_prepared()[1][cfg.data.split].to_numpy()
    best_loss = fit(cfg, split, config.output_dir("models"))
    print(f"lowest validation loss: {best_loss:.4f}")
    return best_loss


def fit(cfg: DictConfig, split: np.ndarray, out: Path) -> float:
    """Trains on split (n,) == "train"; writes out/best.ckpt, returns its validation loss."""
    x, samples, schema = load_prepared()
    labels, rows = samples.label.to_numpy(), np.flatnonzero(split == "train")
    # Scaling and bins come from training rows alone; 100,000 of them have the quantiles of all.
    rows = rows[:: max(1, len(rows) // 100_000)]
    stats = training_statistics(x[rows], labels[rows], schema["columns"])
    L.seed_everything(cfg.seed, verbose=False)
    settings = OmegaConf.to_container(cfg.model, resolve=True)
    module = TabularModel(settings, schema["task"], stats)
    if cfg.trainer.compile:
        module.model.compile()
    batch_size = cfg.model.batch_size * cfg.model.members
    data = TableData(x, labels, split, batch_size, cfg.seed)
    # What decides the outcome: a run with the same key resumes.
    key = [settings, cfg.trainer, cfg.seed, schema["data"], split, __file__, model.__file__]
    run = TrainingRun(key=key, seed=cfg.seed, loggers=cfg.logger, hyperparameters=settings)
    trainer = L.Trainer(**run.trainer_kwargs(cfg.trainer, max_epochs=cfg.model.epochs))
    run.fit(trainer, module, data)
    return run.finish(trainer, out)


def load_members(checkpoint: Path) -> Ensemble:
    """The trained networks of a checkpoint, on the CPU."""
    module = TabularModel.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)
    return module.model.eval()


@torch.inference_mode()
def predict(checkpoint: Path, rows: np.ndarray) -> np.ndarray:
    """Probabilities (k,) or quantiles (k, 3) for `rows` (k,) of the prepared table: the mean."""
    x = load_prepared()[0]
    members, predictions = load_members(checkpoint), []
    for batch in np.array_split(rows, -(-len(rows) // MAX_ROWS)):
        outputs = [member.predict(torch.from_numpy(x[batch])) for member in members]
        predictions.append(torch.stack(outputs).mean(0))
    return torch.cat(predictions).numpy()


if __name__ == "__main__":
    main()
