"""Hydra + Lightning -> models/best.ckpt (`dvc repro train`, or `train model=frozen seed=1`).

Killed, it goes on from its last epoch. `-m` explores under runs/ and leaves models/ alone.
"""

import hashlib
import logging
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import callbacks, loggers

from . import batches, config, model
from .learner import Learner

LOGGERS = {
    "csv": ("CSVLogger", {"name": "", "version": ""}),
    "tensorboard": ("TensorBoardLogger", {"name": "", "version": ""}),
    "wandb": ("WandbLogger", {}),
    "mlflow": ("MLFlowLogger", {}),
}


@config.main
def main(cfg: DictConfig) -> float:
    """Trains and puts best.ckpt and history/ in models/, or in the run's folder of a sweep."""
    sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    out = Path(HydraConfig.get().runtime.output_dir if sweep else "models")
    x, y, samples = batches.read()
    part = samples[cfg.data.split].to_numpy()
    used = np.flatnonzero(np.isin(part, ["train", "val"]))
    z = batches.encode(model.build(cfg.model), x[used], cfg.trainer.accelerator)
    best = fit(cfg, z, y[used], part[used], out, cfg.logger)
    print(f"best of validation: {best:.4f}")
    return best


def fit(
    cfg: DictConfig,
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
    learner = Learner(OmegaConf.to_container(cfg.model, resolve=True), cfg.seed)
    if cfg.trainer.compile:
        learner.network.compile()
    data = batches.Batches(z, y, part, cfg.model.batch, cfg.seed)
    running = Path("runs/training", fingerprint(cfg, y, part))  # the same run finds its checkpoint
    keeper = callbacks.ModelCheckpoint(running, "best", "val/loss", save_last=True)
    history = out / "history"
    trainer = pl.Trainer(
        **trainer_settings(cfg),
        max_epochs=cfg.model.epochs,
        callbacks=[keeper, callbacks.TQDMProgressBar(refresh_rate=10)],
        logger=[make_logger(name, running, history) for name in logger],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )
    last = running / "last.ckpt"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(in eval mode|many workers|LeafSpec|deprecated).*")
        trainer.fit(learner, data, ckpt_path=last if last.exists() else None, weights_only=True)
    if trainer.is_global_zero:
        config.replace(running / "best.ckpt", out / "best.ckpt")
        shutil.rmtree(running)
    return float(keeper.best_model_score)


def trainer_settings(cfg: DictConfig) -> dict:
    """conf/trainer as arguments of the Trainer; `compile` is the learner's."""
    settings = OmegaConf.to_container(cfg.trainer, resolve=True)
    settings.pop("compile")
    return settings


def make_logger(name: str, running: Path, history: Path) -> loggers.Logger:
    """The logger of that name; DVCLive writes what `dvc plots` reads."""
    if name == "dvclive":
        from dvclive.lightning import DVCLiveLogger

        return DVCLiveLogger(dir=str(history), save_dvc_exp=False, report=None, resume=True)
    if name not in LOGGERS:
        raise config.BadInput(f"logger {name}: choose of dvclive, {', '.join(LOGGERS)}")
    kind, settings = LOGGERS[name]
    return getattr(loggers, kind)(save_dir=str(running), **settings)


def fingerprint(cfg: DictConfig, y: np.ndarray, part: np.ndarray) -> str:
    """Names a run by what decides its outcome: settings, code, labels and split."""
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    settings = OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, ["model", "trainer", "data", "seed"]))
    parts = [code, settings.encode(), y.tobytes(), "".join(part).encode()]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


if __name__ == "__main__":
    main()
