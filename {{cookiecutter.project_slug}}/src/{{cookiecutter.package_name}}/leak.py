"""How much a random split flatters: the quick network on every split -> models/leak.parquet.

`dvc repro leak`. Each column holds the test predictions of a network trained on that split.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from . import batches, config, dataset, learner, model, train


@config.main
def main(cfg: DictConfig) -> None:
    """Trains conf/model on each split of the samples and writes what it says of the test parts."""
    x, y, samples, schema = dataset.read()
    z = encoded(cfg, x, train.learn(x, y, samples[cfg.data.split].to_numpy(), schema))
    found = pd.DataFrame(index=samples.index)
    for split in dict.fromkeys(cfg.data.splits):
        part = samples[split].to_numpy()
        test = np.flatnonzero(part == "test")
        facts = train.learn(x, y, part, schema)
        answers = predict(cfg, facts, z, y, part, Path("runs/leak", split), test)
        found.loc[test, split] = answers if answers.ndim == 1 else answers[:, 1]
    Path("models").mkdir(exist_ok=True)
    found.to_parquet("models/leak.parquet")


def encoded(cfg: DictConfig, x: np.ndarray, facts: dict) -> torch.Tensor:
    """All samples as the network trains on them, z (n, views, ...); what is frozen learns from no part."""
    return batches.encode(model.build(cfg.model, facts), x, np.arange(len(x)), cfg.trainer.accelerator)


def predict(
    cfg: DictConfig,
    facts: dict,
    z: torch.Tensor,
    y: np.ndarray,
    part: np.ndarray,
    out: Path,
    rows: np.ndarray,
) -> np.ndarray:
    """Answers (k,) or (k, 3) for the `rows` (k,) of a network trained on part == "train"."""
    train.fit(cfg, facts, z, y, part, out)
    trained = learner.Learner.load_from_checkpoint(out / "best.ckpt", map_location="cpu", weights_only=True)
    network = trained.network.eval()
    with torch.inference_mode():
        few = np.array_split(rows, -(-len(rows) // 32))
        found = np.concatenate([learner.answer(network, z[some]).numpy() for some in few])
    if not np.isfinite(found).all():
        raise train.Diverged(cfg)
    return found


if __name__ == "__main__":
    main()
