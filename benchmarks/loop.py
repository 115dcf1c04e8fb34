"""The training loop: the project's Lightning module with its default logging against a bare PyTorch loop."""

import statistics
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
import training
from heldout import config
from measure import KIND, QUICK, prepare, row
from omegaconf import DictConfig
from project import data, train
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 3 if QUICK else 5
ROUNDS = 2 if QUICK else 6
DATALOADER = "Lightning with DataLoader"
NETWORKS = {"image": ("image network", "<= 1.03"), "table": ("TabM", "<= 1.10"), "series": ("transformer", "")}


class TemplateModule(pl.LightningModule):
    """As in ashleve/lightning-hydra-template, the best known one: two metrics per epoch, shown in the progress bar."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        x, y = batch
        logit = self.network(x)[:, 0, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, y)
        accuracy = ((logit > 0) == (y > 0)).float().mean()
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/acc", accuracy, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def fit_dataloader(cfg: DictConfig, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Seconds per step with a DataLoader of single samples, without validation and checkpoints; x (n, 50), y (n,)."""
    dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = DataLoader(dataset, cfg.model.batch_size, shuffle=True, drop_last=True)
    timer, logger = training.EpochTimer(), pl.loggers.CSVLogger("runs/bench")
    with training.silence():
        trainer = training.minimal_trainer(cfg, timer, logger=logger)
        trainer.fit(TemplateModule(TinyNetwork({}, {})), loader)
    return timer.step_seconds()


class TinyNetwork(torch.nn.Module):
    """Rows (n, 50) -> logits (n, 1, 1) by two hidden layers of 64 units."""

    def __init__(self, cfg: dict, stats: dict) -> None:
        super().__init__()
        hidden = [torch.nn.Linear(50, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(*hidden, torch.nn.Linear(64, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).unsqueeze(1)

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Cross-entropy, as the table network has it; outputs (n, 1, 1), y (n,)."""
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs, y[:, None, None])


def compare(what: str, cfg: DictConfig, split: np.ndarray, target: str, others: dict | None = None) -> None:
    """Rows for the project's loop and for each other one against the bare loop: medians of the rounds."""
    loops = {
        "project": lambda: training.fit_project(cfg, split),
        "bare": lambda: training.fit_bare(cfg, split),
        **(others or {}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}  # per step, one number per round
    for turn in range(ROUNDS):
        for name, loop in loops.items():
            if name != DATALOADER or not turn:  # once is enough: it is slow, and far off
                seconds[name].append(statistics.median(loop()))
    for name in [name for name in loops if name != "bare"]:
        # Within a round, since a machine may be slower in one than in another.
        bare = seconds["bare"][: len(seconds[name])]
        ratios = [mine / reference for mine, reference in zip(seconds[name], bare, strict=True)]
        rounds = f"; rounds {min(ratios):.3g} to {max(ratios):.3g}" if len(ratios) > 1 else ""
        row(
            what if name == "project" else f"{what}, {name}",
            f"{1000 * statistics.median(seconds[name]):.3g} ms a step",
            f"bare loop {1000 * statistics.median(bare):.3g} ms{rounds}",
            statistics.median(ratios),
            target if name == "project" else "",
        )


def compare_tiny(batch_size: int, target: str) -> None:
    """A network so small that most of the time is spent in the loop."""
    n_steps = 100 if QUICK else 500
    if batch_size < 1000:
        n_steps *= 4
    rows = batch_size * n_steps
    x = np.random.default_rng(0).standard_normal((rows, 50), np.float32)
    y = (x[:, 0] > 0).astype(np.float32)
    split = np.where(np.arange(rows) % 50 == 0, "val", "train").astype(object)
    cfg = config.compose(f"model.batch_size={batch_size}", f"model.epochs={EPOCHS}", "trainer=cpu")
    schema = {"task": "classification", "columns": [], "data": f"{batch_size}"}
    slow_rows = np.flatnonzero(split == "train")[: 100_000 if QUICK else 400_000]
    others = {DATALOADER: lambda: fit_dataloader(cfg, x[slow_rows], y[slow_rows])}
    if not QUICK:
        others = {"Lightning alone": lambda: training.fit_lightning(cfg, split), **others}
    replaced = {
        "load_prepared": mock.Mock(return_value=(x, pd.DataFrame({"label": y}), schema)),
        "training_statistics": mock.Mock(return_value={}),
        "NETWORKS": {"classification": TinyNetwork},
    }
    with mock.patch.multiple(train, **replaced):
        compare(f"tiny MLP, batch {batch_size:,}", cfg, split, target, others)


def count_operations(cfg: DictConfig, split: np.ndarray) -> None:
    """Rows for the cost of one sample: operations of a training step, operations computed once, bytes."""
    module, datamodule = training.build(cfg, split)
    loader, raw = datamodule.train_dataloader(), data.load_prepared()[0]
    operations = training.step_operations(module, loader.x[loader.rows[:4]])
    stored = f"{raw[:1].nbytes:,} bytes prepared, {loader.x[:1].nbytes:,} trained on"
    row("a sample, of a training step", f"{operations / 1e6:,.3g} million operations", stored)
    if hasattr(module.model, "encode"):
        operations = training.forward_operations(module.model.encode, torch.from_numpy(np.array(raw[:4])))
        row("a sample, computed once", f"{operations / 1e6:,.3g} million operations")


def main() -> None:
    warnings.filterwarnings("ignore")
    prepare("prepare")
    name, target = NETWORKS[KIND]
    epochs = EPOCHS
    if KIND != "image":  # short epochs: more of them
        epochs *= 2 if QUICK else 3
    cfg = config.compose(f"model.epochs={epochs}", "trainer=cpu")
    split = data.load_prepared()[1][cfg.data.split].to_numpy()
    compare(f"{name}, default batch {cfg.model.batch_size}", cfg, split, target)
    count_operations(cfg, split)
    if KIND == "table":
        compare_tiny(256, "<= 1.5")
        compare_tiny(4096, "<= 1.1")


if __name__ == "__main__":
    main()
