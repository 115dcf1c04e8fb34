"""On a GPU: samples a second, share of time it works, bf16, compile, memory, minutes and price of the training.

Prints nothing where there is none; `--rehearse` runs it on the CPU with a few steps, to see that it runs.
Set DOLLARS_AN_HOUR to what this GPU costs where it is rented.
"""

import contextlib
import gc
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import loop
import numpy as np
import pytorch_lightning as pl
import torch
from measure import operations, prepared, row
from project import config, learner, train
from torch.utils.data import DataLoader, TensorDataset

REHEARSE = "--rehearse" in sys.argv
GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
ROUNDS = 1 if REHEARSE else 3
STEPS = 20 if REHEARSE else 500  # of an epoch, so that validation and checkpoints weigh little
BATCH = {"image": 256, "table": 4096, "series": 4096}
AIM = {"image": ">= 5", "table": ">= 50", "series": ">= 50"}
KIND = Path.cwd().name


def settings(*words: str):
    """The configuration for this device."""
    batch = min(BATCH[KIND], 256) if REHEARSE else BATCH[KIND]
    return config.compose(f"trainer={'gpu' if GPU else 'cpu'}", "model.epochs=3", f"model.batch={batch}", *words)


def repeated(cfg, z: torch.Tensor, y: np.ndarray, part: np.ndarray) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Training samples again and again, so that an epoch has enough steps; validation as it is."""
    train_rows, val = (np.flatnonzero(part == name) for name in ("train", "val"))
    rows = np.concatenate([np.resize(train_rows, STEPS * cfg.model.batch), val])
    return z[torch.from_numpy(rows)], y[rows], part[rows]


def usual(cfg, facts, z, y, part) -> list[float]:
    """Seconds a step of our module and Trainer with a DataLoader of single samples and eight workers."""
    loop.Beat.begun = []
    loaders = []
    for name in ("train", "val"):
        rows = torch.from_numpy(np.flatnonzero(part == name))
        z_part = z[rows, 0] if name == "train" else z[rows, :1]
        workers = 0 if REHEARSE or name == "val" else 8
        loaders.append(
            DataLoader(
                TensorDataset(z_part, torch.from_numpy(y)[rows]),
                cfg.model.batch,
                shuffle=name == "train",
                num_workers=workers,
                persistent_workers=bool(workers),
                drop_last=name == "train",
                pin_memory=GPU,
            )
        )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer = pl.Trainer(
            **train.trainer_settings(cfg), max_epochs=cfg.model.epochs, logger=False, callbacks=[loop.Clock(10)],
            enable_checkpointing=False, enable_model_summary=False, num_sanity_val_steps=0,
        )  # fmt: skip
        trainer.fit(learner.Learner(dict(cfg.model), facts, cfg.seed), *loaders)
    return list(np.diff(loop.Beat.begun)[1:] / len(loaders[0]))


def alone(side: Callable[[], list[float]]) -> list[float]:
    """What a side measures with the memory of the GPU to itself."""
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()
    return side()


class Watch(loop.Clock):
    """Seconds of a step in which a kernel runs; kernels side by side count once.

    From 50 steps under the profiler, which slows the steps down, but not the kernels.
    """

    steps = range(20, 70)  # of the second epoch
    worked = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, learner: pl.LightningModule, batch: object, index: int) -> None:
        super().on_train_batch_start(trainer, learner, batch, index)
        if trainer.current_epoch == 1 and index == self.steps.start:
            loop.sync()
            self.profile = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
            self.profile.__enter__()
        if trainer.current_epoch == 1 and index == self.steps.stop:
            loop.sync()
            self.profile.__exit__(None, None, None)
            spans = sorted(
                (event.time_range.start, event.time_range.end)
                for event in self.profile.events()
                if event.device_type == torch.autograd.DeviceType.CUDA
                and not event.name.startswith(("Memcpy", "Memset"))
                and not getattr(event, "is_user_annotation", False)
            )
            worked, until = 0.0, 0.0  # in microseconds
            for start, end in spans:
                worked += max(0.0, end - max(start, until))
                until = max(until, end)
            Watch.worked = worked / 1e6 / len(self.steps)


def peak_rate(dtype: torch.dtype) -> float:
    """Operations a second that this card reaches in a product of large matrices."""
    size = 256 if REHEARSE else 8192
    a, b = (torch.randn(size, size, device=DEVICE, dtype=dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    loop.sync()
    begun = time.perf_counter()
    for _ in range(10):
        a @ b
    loop.sync()
    return 10 * 2 * size**3 / (time.perf_counter() - begun)


def main() -> None:
    if not GPU and not REHEARSE:
        return
    prepared("prepare")
    train.Bar = loop.Clock
    cfg = settings()
    facts, z, y, part = train.seen(cfg)
    told = facts, *repeated(cfg, z, y, part)
    sides = {
        "ours": lambda: loop.ours(cfg, *told),
        "bare": lambda: loop.bare(cfg, *told),
        "usual": lambda: usual(cfg, *told),
    }
    if GPU:
        sides["32 bit"] = lambda: loop.ours(settings("trainer.precision=32-true"), *told)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            found[name] += alone(side)
    rate = {name: cfg.model.batch / float(np.median(times)) for name, times in found.items()}
    what = f"samples a second, batch {cfg.model.batch:,}"
    row(what, f"{rate['ours']:,.0f}", f"bare loop {rate['bare']:,.0f}", rate["ours"] / rate["bare"], ">= 0.95")
    row(
        what,
        f"{rate['ours']:,.0f}",
        f"DataLoader, 8 workers {rate['usual']:,.0f}",
        rate["ours"] / rate["usual"],
        AIM[KIND],
    )
    if GPU:
        precision = train.trainer_settings(cfg)["precision"]
        row(
            f"{precision} against 32 bit (TF32 in convolutions)",
            f"{rate['ours']:,.0f}",
            f"{rate['32 bit']:,.0f}",
            rate["ours"] / rate["32 bit"],
        )
        try:  # needs a compiler for C
            compiled = cfg.model.batch / float(
                np.median(alone(lambda: loop.ours(settings("trainer.compile=true"), *told)))
            )
            row("compiled against eager", f"{compiled:,.0f}", f"{rate['ours']:,.0f}", compiled / rate["ours"])
        except Exception as error:
            row("compiled against eager", "not measured", (str(error).splitlines() or [type(error).__name__])[0])
        train.Bar = Watch
        loop.ours(cfg, *told)
        train.Bar = loop.Clock
        share = Watch.worked / float(np.median(found["ours"]))
        row("share of an epoch in which the GPU works", f"{share:.0%}", "", share, ">= 0.9")
    kinds = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
    top = peak_rate(kinds.get(train.trainer_settings(cfg)["precision"], torch.float32))
    done = rate["ours"] * operations(cfg, facts, z)
    row(
        "operations a second of the network",
        f"{done / 1e12:.3g} trillion",
        f"product of matrices {top / 1e12:.3g}",
        done / top,
    )
    default = config.compose(f"trainer={'gpu' if GPU else 'cpu'}", *["model.epochs=1"] * REHEARSE)
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        train.fit(default, *train.seen(default), Path("runs/gpu"), default.logger)
    minutes = (time.perf_counter() - begun) / 60
    price = float(os.environ.get("DOLLARS_AN_HOUR", "nan"))
    dollars = "" if np.isnan(price) else f", {minutes / 60 * price:.4f} dollars at {price:g} an hour"
    memory = f"{torch.cuda.max_memory_allocated() / 1e9:.2f} GB at most" if GPU else ""
    row("the default training", f"{minutes:.2f} min{dollars}", memory)


if __name__ == "__main__":
    main()
