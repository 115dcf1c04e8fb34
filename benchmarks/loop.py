"""The loop: our Lightning learner with its default logging against a bare PyTorch loop, epoch for epoch."""

import contextlib
import io
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from measure import QUICK, operations, prepared, row
from project import batches, config, dataset, learner, model, train
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

EPOCHS = 3 if QUICK else 5
ROUNDS = 2 if QUICK else 6
DEVICE = torch.device("cuda" if Path(sys.argv[0]).stem == "gpu" and torch.cuda.is_available() else "cpu")
DATALOADER = "Lightning with DataLoader"
NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"  # Lightning sets it when it is imported
NETWORKS = {"image": ("image network", "<= 1.03"), "table": ("TabM", "<= 1.10"), "series": ("transformer", "")}


def sync() -> None:
    """Waits for the GPU, if there is one."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


class Beat(pl.Callback):
    """The times at which epochs begin."""

    begun: list[float] = []  # noqa: RUF012

    def on_train_epoch_start(self, trainer: pl.Trainer, *rest: object) -> None:
        super().on_train_epoch_start(trainer, *rest)
        sync()
        Beat.begun.append(time.perf_counter())


class Clock(Beat, train.Bar):
    """The default progress bar, and the times at which epochs begin."""


def ours(cfg, facts, z, y, part) -> list[float]:
    """Seconds a step of each epoch but the first and the last: batches, steps, validation, logs and checkpoints."""
    Beat.begun = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        train.fit(cfg, facts, z, y, part, Path("runs/bench"), cfg.logger)
    return list(np.diff(Beat.begun)[1:] / (sum(part == "train") // cfg.model.batch))


def alone(cfg, facts, z, y, part) -> list[float]:
    """The same learner and batches with Lightning's loop only: no bar, no log, no checkpoint."""
    Beat.begun = []
    made = learner.Learner(dict(cfg.model), facts, cfg.seed)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer = pl.Trainer(
            **train.trainer_settings(cfg), max_epochs=cfg.model.epochs, logger=False, callbacks=[Beat()],
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        )  # fmt: skip
        trainer.fit(made, batches.Batches(z, y, part, cfg.model.batch, cfg.seed))
    return list(np.diff(Beat.begun)[1:] / (sum(part == "train") // cfg.model.batch))


def bare(cfg, facts, z, y, part) -> list[float]:
    """The same without Lightning: same batches on the device, loss, precision, optimiser, schedule and validation."""
    lightnings = os.environ.pop(NVML, None)  # with it each step looks for a driver: 0.04 ms where there is no GPU
    made = learner.Learner(dict(cfg.model), facts, cfg.seed).to(DEVICE)
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(train.trainer_settings(cfg)["precision"])
    y = torch.from_numpy(y)
    loaders = {}
    for name, views in (("train", None), ("val", 1)):
        rows = torch.from_numpy(np.flatnonzero(part == name))
        told = (z[:, :views], y, rows)
        if DEVICE.type != "cpu":
            told = (z[rows, :views].to(DEVICE), y[rows].to(DEVICE), torch.arange(len(rows)))
        loaders[name] = batches.Loader(*told, min(cfg.model.batch, len(rows)))
    epoch = 0
    loaders["train"].shuffle = lambda: cfg.seed + 1000 * epoch
    rate = cfg.model.lr
    optimiser = torch.optim.AdamW(
        [p for p in made.parameters() if p.requires_grad], lr=rate, weight_decay=cfg.model.weight_decay
    )
    steps = cfg.model.epochs * len(loaders["train"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1, cycle_momentum=False)
    scaler = torch.amp.GradScaler(DEVICE.type, enabled=half == torch.float16)
    context = torch.autocast(DEVICE.type, half, enabled=half is not None)
    begun = []
    for epoch in range(cfg.model.epochs):  # noqa: B007  the shuffle reads it
        sync()
        begun.append(time.perf_counter())
        made.train()
        for batch in loaders["train"]:
            with context:
                found, label = learner.mix(*batch, cfg.model.mixup)
                loss = made.loss(made.network(found), label)
            optimiser.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimiser)
            scaler.update()
            schedule.step()
        made.eval()
        with torch.inference_mode(), context:
            for found, label in loaders["val"]:
                made.loss(learner.predict(made.network, found).unsqueeze(1), label)
    if lightnings:
        os.environ[NVML] = lightnings
    return list(np.diff(begun)[1:] / len(loaders["train"]))


class Usual(pl.LightningModule):
    """As ashleve/lightning-hydra-template, the best known one, does it: two metrics logged an epoch, in the bar."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        z, y = batch
        logit = self.network(z)[:, 0, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, y)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/acc", ((logit > 0) == (y > 0)).float().mean(), on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def usual(cfg, network: torch.nn.Module, z: torch.Tensor, y: np.ndarray) -> list[float]:
    """Seconds a step of each epoch with a DataLoader of single samples, without validation or checkpoint."""
    Beat.begun = []
    few = slice(100_000 if QUICK else 400_000)  # it is slow
    data = DataLoader(TensorDataset(z[few, 0], torch.from_numpy(y[few])), cfg.model.batch, shuffle=True, drop_last=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer = pl.Trainer(
            accelerator="cpu", max_epochs=3, logger=pl.loggers.CSVLogger("runs/bench"), callbacks=[Clock(10)],
            enable_checkpointing=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Usual(network), data)
    return list(np.diff(Beat.begun)[1:] / len(data))


class Tiny(torch.nn.Module):
    """50 numbers -> 64 -> 64 -> one logit (n, 1, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(50, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).unsqueeze(1)


def compare(what: str, cfg, told: tuple, aim: str, others: dict | None = None) -> None:
    """A row for ours against bare, and for each other against bare: the median of the rounds."""
    sides = {"ours": lambda: ours(cfg, *told), "bare": lambda: bare(cfg, *told), **(others or {})}
    found: dict[str, list[float]] = {name: [] for name in sides}  # seconds a step, a number for each round
    for turn in range(ROUNDS):
        for name, side in sides.items():
            if name != DATALOADER or not turn:  # slow, and far off
                found[name].append(statistics.median(side()))
    for name in [name for name in sides if name != "bare"]:
        # Within a round, since a machine may be slower in one than in another.
        plain = found["bare"][: len(found[name])]
        ratios = [mine / bare for mine, bare in zip(found[name], plain, strict=True)]
        rounds = f"; rounds {min(ratios):.3g} to {max(ratios):.3g}" if len(ratios) > 1 else ""
        row(
            f"{what}{'' if name == 'ours' else ', ' + name}",
            f"{1000 * statistics.median(found[name]):.3g} ms a step",
            f"bare loop {1000 * statistics.median(plain):.3g} ms{rounds}",
            statistics.median(ratios),
            aim if name == "ours" else "",
        )


def tiny(batch: int, aim: str) -> None:
    """A network so small that the loop is what costs."""
    rows = batch * ((400 if QUICK else 2_000) if batch < 1000 else (100 if QUICK else 500))
    chance = np.random.default_rng(0)
    x = chance.standard_normal((rows, 50), np.float32)
    y = (x[:, 0] > 0).astype(np.float32)
    part = np.where(np.arange(rows) % 50 == 0, "val", "train").astype(object)
    cfg = config.compose(f"model.batch={batch}", f"model.epochs={EPOCHS}", "model.mixup=0", "trainer=cpu")
    facts = {"task": "classification", "spread": 1.0, "data": f"{batch}"}
    build, model.build = model.build, lambda cfg, facts: Tiny()
    z = torch.from_numpy(x).unsqueeze(1)
    one = part == "train"
    few = torch.from_numpy(one)
    told = facts, z, y, part
    others = {DATALOADER: lambda: usual(cfg, Tiny(), z[few], y[one])}
    if not QUICK:
        others = {"Lightning alone": lambda: alone(cfg, *told), **others}
    compare(f"tiny MLP, batch {batch:,}", cfg, told, aim, others)
    model.build = build


def main() -> None:
    warnings.filterwarnings("ignore")
    prepared("prepare")
    train.Bar = Clock
    kind = Path.cwd().name
    name, aim = NETWORKS[kind]
    epochs = EPOCHS if kind == "image" else (2 if QUICK else 3) * EPOCHS  # short ones, many of them
    cfg = config.compose(f"model.epochs={epochs}", "trainer=cpu")
    told = train.seen(cfg)
    compare(f"{name}, default batch {cfg.model.batch}", cfg, told, aim)
    counts(cfg, told[0], told[1])
    if kind == "table":
        tiny(256, "<= 1.5")
        tiny(4096, "<= 1.1")


def counts(cfg, facts, z: torch.Tensor) -> None:
    """What a sample costs: operations of a training step and of what is computed once, and bytes."""
    x = dataset.read()[0]
    stored = f"{x[:1].nbytes:,} bytes prepared, {z[:1].nbytes:,} trained on"
    row("a sample, of a training step", f"{operations(cfg, facts, z) / 1e6:,.3g} million operations", stored)
    network = model.build(cfg.model, facts).eval()
    if hasattr(network, "encode"):
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network.encode(torch.from_numpy(np.array(x[:4])))
        row("a sample, computed once", f"{counter.get_total_flops() / 4e6:,.3g} million operations")


if __name__ == "__main__":
    main()
