"""Trains the network and keeps the epoch with the lowest validation loss. `dvc repro train`.

`python -m ... train model=frozen seed=1` overrides settings of conf/; `-m` sweeps under runs/. An
interrupted training run resumes from its last epoch.
"""

import functools
from pathlib import Path

import numpy as np
import pytorch_lightning as L
import torch
from heldout import config, stage
from heldout.torch import Ensemble, FrozenFeatures, TensorLoader, TrainingRun
from omegaconf import DictConfig, OmegaConf
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics import MeanMetric
from torchmetrics.classification import BinaryAUROC

from . import model
from .data import load_prepared
from .model import FLIPS, EfficientNetLite0

Batch = tuple[torch.Tensor, torch.Tensor]  # features (b, flips, h, w, channels), labels (b,)


class CellData(L.LightningDataModule):
    """Batches of frozen features of all flips, selected by index: no worker, no per-sample code."""

    def __init__(
        self, features: torch.Tensor, labels: np.ndarray, split: np.ndarray, cfg: DictConfig
    ) -> None:
        super().__init__()
        self.features = features  # (n, flips, h, w, channels) float16
        self.labels = torch.tensor(labels, dtype=torch.float32)  # (n,)
        self.split = split  # (n,) of "train", "val", "test", ...
        self.batch_size, self.seed = cfg.model.batch_size * cfg.model.members, cfg.seed

    def _loader(self, split: str, shuffle: bool) -> TensorLoader:
        rows = np.flatnonzero(self.split == split)
        # On a GPU, the features are moved there once and stay.
        options = {"seed": self.seed, "device": self.trainer.strategy.root_device, "min_steps": 16}
        data = self.features, self.labels, rows
        return TensorLoader(*data, self.batch_size, shuffle=shuffle, **options)

    def train_dataloader(self) -> TensorLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> TensorLoader:
        return self._loader("val", shuffle=False)


class CellClassifier(L.LightningModule):
    """An ensemble on frozen features: BCE loss, mixup, AdamW with a one-cycle schedule."""

    def __init__(self, cfg: dict) -> None:
        super().__init__()
        self.save_hyperparameters()  # plain values only: the checkpoint loads without unpickling
        self.cfg = cfg
        size, freeze, dropout = cfg["size"], cfg["freeze"], cfg["dropout"]
        members = [EfficientNetLite0(size, freeze, dropout) for _ in range(cfg["members"])]
        self.model = Ensemble(members)
        self.train_loss = MeanMetric()
        self.val_auc = BinaryAUROC()

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        # Each member trains on its own part of the batch, so that members differ.
        loss = self.model.loss(self.member_loss, *batch)
        self.train_loss.update(loss.detach())
        return loss

    def member_loss(self, network: EfficientNetLite0, features, labels) -> torch.Tensor:
        # One random flip per cell is the augmentation.
        flip = torch.randint(len(FLIPS), (len(labels),), device=features.device)
        x = features[torch.arange(len(labels), device=features.device), flip].float()
        if self.cfg["mixup"]:
            x, labels = mixup(x, labels, self.cfg["mixup"])
        return F.binary_cross_entropy_with_logits(network(x), labels)

    def validation_step(self, batch: Batch, _: int) -> None:
        features, labels = batch
        # One flip: four take four times as long, and the curve over epochs looks the same.
        probability = self.model(features[:, 0].float()).sigmoid().mean(1)  # of the members
        self.val_auc.update(probability, labels.int())
        # By the logit, as binary_cross_entropy is not allowed in mixed precision
        loss = F.binary_cross_entropy_with_logits(probability.float().logit(eps=1e-6), labels)
        self.log("val/loss", loss, sync_dist=True)
        self.log("val/auc", self.val_auc)

    def on_validation_epoch_end(self) -> None:
        # Logged here and not after training, so that no row is lost if the process is killed.
        self.log("train/loss", self.train_loss)

    def configure_optimizers(self) -> tuple[list, list]:
        parameters = [p for p in self.parameters() if p.requires_grad]
        lr, weight_decay = self.cfg["lr"], self.cfg["weight_decay"]
        optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
        steps = max(11, int(self.trainer.estimated_stepping_batches))
        # Warm-up in 10% of the steps (1 of 10 would divide by zero), then a cosine to almost zero
        scheduler = OneCycleLR(optimizer, lr, steps, pct_start=0.1, cycle_momentum=False)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    def predict(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities (n, members) and class activation maps (n, members, r, c)."""
        heatmaps = torch.stack([member.activation_map(features) for member in self.model], dim=1)
        return heatmaps.mean((2, 3)).sigmoid(), heatmaps


def mixup(x: torch.Tensor, y: torch.Tensor, alpha: float) -> Batch:
    """Convex combinations of random pairs (Zhang et al. 2018); x (b, ...), y (b,)."""
    weight = float(torch.distributions.Beta(alpha, alpha).sample())
    order = torch.randperm(len(y)).to(y.device)
    return weight * x + (1 - weight) * x[order], weight * y + (1 - weight) * y[order]


@stage
def main(cfg: DictConfig) -> float:
    """Writes models/best.ckpt and models/history/; returns the lowest validation loss."""
    _, samples, _ = load_prepared()
    best_loss = fit(cfg, samples[cfg.data.split].to_numpy(), config.output_dir("models"))
    print(f"lowest validation loss: {best_loss:.4f}")
    return best_loss


def fit(cfg: DictConfig, split: np.ndarray, out: Path) -> float:
    """Trains on split (n,) == "train"; writes out/best.ckpt, returns its validation loss."""
    _, samples, schema = load_prepared()
    L.seed_everything(cfg.seed, verbose=False)  # the head starts from the same weights
    settings = OmegaConf.to_container(cfg.model, resolve=True)
    classifier = CellClassifier(settings)
    if cfg.trainer.compile:
        classifier.model.compile()
    # The test set is never computed here.
    rows = np.flatnonzero(np.isin(split, ["train", "val"]))
    features = frozen_features(cfg.model.size, cfg.model.freeze).compute(rows)
    data = CellData(features, samples.label.to_numpy(), split, cfg)
    run = TrainingRun(  # finds the checkpoint of an interrupted training run with the same key
        key=[
            settings,
            cfg.trainer,
            cfg.seed,
            schema["data"],
            split,
            Path(__file__),
            model.__file__,
        ],
        seed=cfg.seed,
        loggers=cfg.logger,
        hyperparameters=settings,
    )
    trainer = L.Trainer(**run.trainer_kwargs(cfg.trainer, max_epochs=cfg.model.epochs))
    run.fit(trainer, classifier, data)
    return run.finish(trainer, out)


@functools.cache  # cross-validation and search train many times on the same features
def frozen_features(size: int, freeze: int) -> FrozenFeatures:
    """Features (n, flips, h, w, channels) float16 of all photos, computed once per photo."""
    photos, _, _ = load_prepared()
    return FrozenFeatures(EfficientNetLite0(size, freeze, dropout=0.0), photos)


def load_classifier(checkpoint: Path) -> CellClassifier:
    """The trained classifier on the CPU, in evaluation mode; nothing is unpickled."""
    return CellClassifier.load_from_checkpoint(checkpoint, "cpu", weights_only=True).eval()


@torch.inference_mode()
def predict(checkpoint: Path, rows: np.ndarray) -> np.ndarray:
    """Probability of a defect (k,) for `rows` (k,) of the prepared photos."""
    classifier = load_classifier(checkpoint)
    cfg = classifier.cfg
    features = frozen_features(cfg["size"], cfg["freeze"]).compute(rows)
    probabilities = []
    for batch in np.array_split(rows, -(-len(rows) // 32)):
        members, _ = classifier.predict(features[batch].float())
        probabilities.append(members.mean(1).numpy())
    return np.concatenate(probabilities)


if __name__ == "__main__":
    main()
