"""The LightningModule: loss, metrics, optimiser."""

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from torch.nn.functional import binary_cross_entropy_with_logits

from . import model, scores


class Learner(pl.LightningModule):
    """Trains the network of `cfg` (conf/model) and `facts` (model.facts), plain values both."""

    def __init__(self, cfg: dict[str, Any], facts: dict[str, Any], seed: int) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)  # facts are long; DVCLive reads all that is logged each epoch
        self.cfg, self.facts, self.seed = cfg, facts, seed
        self.network = model.build(OmegaConf.create(cfg), facts)
        self.classifies = facts["task"] == "classification"

    def on_train_epoch_start(self) -> None:
        """Dropout and mixing depend on seed and epoch alone: a resumed run equals an uninterrupted one."""
        torch.manual_seed(self.seed + 1000 * self.current_epoch)
        self.total = torch.zeros((), device=self.device)
        self.answers: list[tuple[torch.Tensor, torch.Tensor]] = []

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
        z, y = mix(*batch, self.cfg["mixup"])  # (b, ...), (b,)
        loss = self.loss(self.network(z), y)
        self.total += loss.detach()  # a log entry costs as much as a small step; a list breaks up memory
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> None:
        z, y = batch  # (b, views, ...), (b,)
        self.answers.append((predict(self.network, z), y))

    def on_validation_epoch_end(self) -> None:
        """Logs losses and metric, before the checkpoint is written: a kill may lose what follows it."""
        found, y = (torch.cat(part).float() for part in zip(*self.answers, strict=True))
        label, middle = y.cpu().numpy(), found[:, found.shape[1] // 2].cpu().numpy()
        value = scores.auc(label > 0, middle) if self.classifies else np.abs(label - middle).mean()
        self.log("train/loss", self.total / self.trainer.num_training_batches)  # of this process's share
        self.log("val/loss", self.loss(found.unsqueeze(1), y), prog_bar=True)
        self.log(f"val/{scores.FIRST[self.facts['task']]}", float(value), prog_bar=True)

    def loss(self, found: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean over samples and members; found (b, members, 1 logit or 3 quantiles), y (b,).

        Quantiles have the pinball loss (Koenker and Bassett 1978), in units of the target's spread.
        """
        y = y[:, None, None].expand_as(found)
        if self.classifies:
            return binary_cross_entropy_with_logits(found, y)
        over = (y - found) / self.facts["spread"]
        level = torch.tensor(scores.QUANTILES, device=found.device)
        return torch.maximum(level * over, (level - 1) * over).mean()

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW on what is trained, with a short warm-up and a cosine to zero, step by step."""
        weights = [p for p in self.parameters() if p.requires_grad]
        rate, decay = self.cfg["lr"], self.cfg["weight_decay"]
        optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
        steps = int(self.trainer.estimated_stepping_batches)
        steps += steps == 10  # a warm-up of one step and no more divides by zero
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
    """Logit (n, 1) or quantiles (n, 3), the mean over views and members, of samples z (n, views, ...)."""
    return network(z.flatten(0, 1).float()).unflatten(0, z.shape[:2]).mean((1, 2))


def answer(network: torch.nn.Module, z: torch.Tensor) -> torch.Tensor:
    """Probability (n,) or quantiles (n, 3) in order, of samples z (n, views, ...)."""
    found = predict(network, z)
    return found.squeeze(1).sigmoid() if found.shape[1] == 1 else found.sort(1).values
