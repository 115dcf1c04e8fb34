"""The LightningModule: loss, metrics, optimiser."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from torch.nn.functional import binary_cross_entropy_with_logits
from torchmetrics.classification import BinaryAUROC

from . import model


class Learner(pl.LightningModule):
    """Trains the network of `cfg` (conf/model as a plain dictionary, so checkpoints load safely)."""

    def __init__(self, cfg: dict[str, Any], seed: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.cfg, self.seed = cfg, seed
        self.network = model.build(OmegaConf.create(cfg))
        self.auc = BinaryAUROC()

    def on_train_epoch_start(self) -> None:
        """Dropout and mixing depend on seed and epoch alone: a resumed run equals an uninterrupted one."""
        torch.manual_seed(self.seed + 1000 * self.current_epoch)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
        z, y = mix(*batch, self.cfg["mixup"])  # (b, ...), (b,)
        loss = binary_cross_entropy_with_logits(self.network(z), y)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> None:
        z, y = batch  # (b, views, ...), (b,)
        logit = predict(self.network, z)
        loss = binary_cross_entropy_with_logits(logit, y)
        self.auc(logit, y.long())
        self.log("val/loss", loss, prog_bar=True, batch_size=len(y))
        self.log("val/auc", self.auc, prog_bar=True, batch_size=len(y))

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW on what is trained, with a short warm-up and a cosine to zero, step by step."""
        weights = [p for p in self.parameters() if p.requires_grad]
        rate, decay = self.cfg["lr"], self.cfg["weight_decay"]
        optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, rate, total_steps=steps, pct_start=0.1, cycle_momentum=False
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def mix(z: torch.Tensor, y: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Each sample z (b, ...) blended with another of the batch (mixup, Zhang et al. 2018); 0: none."""
    z = z.float()
    if not alpha:
        return z, y
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    other = torch.randperm(len(y)).to(y.device)
    return share * z + (1 - share) * z[other], share * y + (1 - share) * y[other]


def predict(network: torch.nn.Module, z: torch.Tensor) -> torch.Tensor:
    """Logit (n,), the mean over views, of encoded samples z (n, views, ...)."""
    return network(z.flatten(0, 1).float()).unflatten(0, z.shape[:2]).mean(1)


def load(path: Path | str) -> Learner:
    """The learner of a checkpoint, on the CPU, without unpickling code."""
    return Learner.load_from_checkpoint(path, map_location="cpu", weights_only=True)
