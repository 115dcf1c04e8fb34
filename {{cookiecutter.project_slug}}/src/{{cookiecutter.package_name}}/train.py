"""Hydra + Lightning -> models/best.ckpt (`dvc repro train`, or `train model=frozen seed=1`).

Killed, it goes on from its last epoch. `-m` explores under runs/ and leaves models/ alone.
"""

import hashlib
import json
import logging
import shutil
import subprocess
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import callbacks, loggers
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from . import batches, config, dataset, model
from .learner import Learner

EXPECTED = "in eval mode|many workers|LeafSpec|deprecated|not empty"  # warnings
QUIET = {"log_every_n_steps": 1, "num_sanity_val_steps": 0, "enable_model_summary": False}
MOST = 1 << 28  # bytes of samples to learn facts from, or to hash at a time
LOGGERS = {
    "csv": ("CSVLogger", {"name": ""}),  # a folder for each start, `join` makes one of them
    "tensorboard": ("TensorBoardLogger", {"name": "", "version": ""}),
    "wandb": ("WandbLogger", {}),
    "mlflow": ("MLFlowLogger", {}),
}


@config.main
def main(cfg: DictConfig) -> float:
    """Trains and puts best.ckpt and history/ in models/, or in the run's folder of a sweep."""
    sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    out = Path(HydraConfig.get().runtime.output_dir if sweep else "models")
    best = fit(cfg, *seen(cfg), out, cfg.logger)
    print(f"lowest loss on validation: {best:.4f}")
    return best


def seen(cfg: DictConfig) -> tuple[dict, torch.Tensor, np.ndarray, np.ndarray]:
    """The network's facts, encoded samples z (n, views, ...), labels (n,) and parts (n,), test blanked."""
    for key, value in cfg.model.items():
        if isinstance(value, str) and key != "name":
            raise config.BadInput(f"model.{key}={value}: give a number")
    if isinstance(cfg.logger, str):
        raise config.BadInput(f"logger={cfg.logger}: write a list, logger=[{cfg.logger}]")
    x, y, samples, schema = dataset.read([cfg.data.split])
    code, names = pd.factorize(samples[cfg.data.split])
    part = np.asarray(names, object)[code]  # the rows of a part share one text
    facts = learn(x, y, part, schema)
    used = np.isin(part, ["train", "val"])
    network = model.build(cfg.model, facts)
    z = batches.encode(network, x, np.flatnonzero(used), cfg.trainer.accelerator)
    return facts, z, np.where(used, y, 0), np.where(used, part, "-")


def learn(x: np.ndarray, y: np.ndarray, part: np.ndarray, schema: dict) -> dict:
    """What the network has to know of the data, from part == "train" alone; plain values."""
    rows = np.flatnonzero(part == "train")
    digest = hashlib.sha256()
    for some in np.array_split(rows, 1 + x[:1].nbytes * len(rows) // MOST):  # data may not fit in memory
        digest.update(x[some])
    digest.update(json.dumps(schema).encode())
    facts = {"task": schema["task"], "spread": float(np.std(y[rows])) or 1.0, "data": digest.hexdigest()}
    few = rows[:: 1 + x[:1].nbytes * len(rows) // MOST]
    return {**facts, **model.facts(x[few], y[few], schema)}


def fit(
    cfg: DictConfig,
    facts: dict,
    z: torch.Tensor,
    y: np.ndarray,
    part: np.ndarray,
    out: Path,
    logger: Sequence[str] = (),
) -> float:
    """Trains on part == "train", keeps the best epoch by part == "val"; returns its loss.

    z (n, views, ...) is encoded, y (n,) the label. Writes out/best.ckpt, and out/history/ if logged.
    """
    out.mkdir(parents=True, exist_ok=True)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # no tips
    pl.seed_everything(cfg.seed, verbose=False)
    learner = Learner(OmegaConf.to_container(cfg.model, resolve=True), facts, cfg.seed)
    if cfg.trainer.compile:
        learner.network.compile()
    data = batches.Batches(z, y, part, cfg.model.batch, cfg.seed)
    running = Path("runs/training", fingerprint(cfg, facts, y, part))  # the same run finds its checkpoint
    keeper = callbacks.ModelCheckpoint(running, "best", "val/loss", save_weights_only=True)
    every = callbacks.ModelCheckpoint(running, "last", enable_version_counter=False)  # epoch, better or not
    keeper.dirpath = every.dirpath = str(running)  # relative, so that another machine can go on
    history, last = running / "history", running / "last.ckpt"
    goes_on = zipfile.is_zipfile(last)  # half of one is none
    if rank_zero_only.rank == 0:
        if not goes_on:
            shutil.rmtree(running, ignore_errors=True)  # or its history would have epochs twice
        for path in list(history.rglob("*.*")):
            if path.is_file() and not path.stat().st_size:
                path.unlink()  # killed while it was written; DVCLive cannot read it
    settings = {**QUIET, **trainer_settings(cfg), "max_epochs": cfg.model.epochs, "plugins": [Whole()]}
    settings["callbacks"] = [keeper, every, Bar(refresh_rate=10)]
    settings["logger"] = [make_logger(name, history) for name in logger]
    try:
        trainer = pl.Trainer(**settings)
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise config.BadInput(f"trainer: {' '.join(str(error).split())}") from None
    if goes_on:
        print("goes on from the last epoch of a training that was cut off")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f".*({EXPECTED}).*")
        for each in trainer.loggers:
            each.log_hyperparams({**learner.cfg, "seed": cfg.seed})
        trainer.fit(learner, data, ckpt_path=last if goes_on else None, weights_only=True)
    best = float(keeper.best_model_score)
    if not np.isfinite(best):
        shutil.rmtree(running, ignore_errors=True)
        raise Diverged(cfg)
    if trainer.is_global_zero:
        shutil.rmtree(out / "history.new", ignore_errors=True)
        shutil.copyfile(keeper.best_model_path, out / "best.new")
        if history.exists():
            shutil.copytree(history, out / "history.new")
            join(out / "history.new")  # a copy: killed here, nothing of the history is lost
            config.replace(out / "history.new", out / "history")
        config.replace(out / "best.new", out / "best.ckpt")
        last.unlink()  # first: nothing goes on from what is half removed
        shutil.rmtree(running)
    return best


def join(history: Path) -> None:
    """Makes one history of all starts of a training, each epoch once: one may be logged, but not kept."""
    for path in history.rglob("*.tsv"):
        rows = pd.read_csv(path, sep="\t", dtype=str).drop_duplicates("step", keep="last")
        rows.to_csv(path, sep="\t", index=False, lineterminator="\n")
    starts = sorted(history.glob("version_*"), key=lambda path: int(path.name.removeprefix("version_")))
    if parts := [path for start in starts if (path := start / "metrics.csv").exists()]:
        rows = pd.concat([pd.read_csv(path, dtype=str) for path in parts])
        rows = rows.drop_duplicates("step", keep="last")
        rows.to_csv(history / "metrics.csv", index=False, lineterminator="\n")
        (starts[-1] / "hparams.yaml").replace(history / "hparams.yaml")
    for start in starts:
        shutil.rmtree(start)


class Diverged(config.BadInput):
    """A loss or an answer is no finite number."""

    def __init__(self, cfg: DictConfig) -> None:
        super().__init__(f"model.lr={cfg.model.lr}: the training diverged; give a smaller one")


class Whole(TorchCheckpointIO):
    """Writes a checkpoint beside its place: Lightning moves it from /tmp, of which a kill may leave half."""

    def save_checkpoint(self, checkpoint: dict, path: Path | str, storage_options: Any = None) -> None:
        new, old = Path(f"{path}.new"), Path(path)
        new.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, new)
        config.replace(new, old)


class Bar(callbacks.TQDMProgressBar):
    """One bar for training; validation takes a second."""

    def init_validation_tqdm(self) -> Any:
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar


def trainer_settings(cfg: DictConfig) -> dict:
    """conf/trainer as arguments of the Trainer; `compile` is the learner's."""
    settings = OmegaConf.to_container(cfg.trainer, resolve=True)
    settings.pop("compile")
    if settings["accelerator"] == "gpu" and not torch.accelerator.is_available():
        raise config.BadInput("trainer=gpu: there is no GPU here; take trainer=cpu")
    old = torch.cuda.is_available() and not torch.cuda.is_bf16_supported(including_emulation=False)
    if old and settings["precision"] == "bf16-mixed":
        settings["precision"] = "16-mixed"  # convolutions in bf16 fail on a T4
    return settings


def make_logger(name: str, history: Path) -> loggers.Logger:
    """The logger of that name, writing to `history`; `dvc plots` reads what DVCLive writes."""
    if name == "dvclive":
        from dvclive.lightning import DVCLiveLogger

        commit = ["git", "rev-parse", "--quiet", "--verify", "HEAD"]
        if shutil.which("git") and subprocess.run(commit, capture_output=True).returncode == 1:
            said = "git config user.name and user.email, git add --all, git commit -m First"
            raise config.BadInput(f"DVCLive needs a first commit: {said}")
        return DVCLiveLogger(dir=str(history), save_dvc_exp=False, report=None, dvcyaml=None, resume=True)
    if name not in LOGGERS:
        raise config.BadInput(f"logger {name}: choose of dvclive, {', '.join(LOGGERS)}")
    kind, settings = LOGGERS[name]
    try:
        return getattr(loggers, kind)(save_dir=str(history), **settings)
    except ModuleNotFoundError:
        raise config.BadInput(f"logger {name}: not installed; uv add --dev {name}") from None


def fingerprint(cfg: DictConfig, facts: dict, y: np.ndarray, part: np.ndarray) -> str:
    """Names a run by what decides its outcome: settings, code, inputs, labels and split.

    Inputs count as they were prepared: what a GPU makes of them differs from one kind of GPU to another.
    """
    names = ("batches", "learner", "model", "scores", "train")
    code = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in names)
    settings = OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, ["model", "trainer", "seed"]))
    digest = hashlib.sha256()
    for piece in (code, settings.encode(), facts["data"].encode(), y.tobytes(), "".join(part).encode()):
        digest.update(piece)
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
