"""How much a random split flatters: the quick network on every split -> models/leak.parquet.

`dvc repro leak`. Each column holds the test predictions of a network trained on that split.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from . import batches, config, learner, model, train


@config.main
def main(cfg: DictConfig) -> None:
    """Trains conf/model on each split of the samples and writes what it says of the test parts."""
    x, y, samples = batches.read()
    z = batches.encode(model.build(cfg.model), x, cfg.trainer.accelerator)
    found = pd.DataFrame(index=samples.index)
    for split in cfg.data.splits:
        found[split] = predict(cfg, z, y, samples[split].to_numpy(), Path("runs/leak", split))
    found.to_parquet("models/leak.parquet")


def predict(cfg: DictConfig, z: torch.Tensor, y: np.ndarray, part: np.ndarray, out: Path) -> np.ndarray:
    """Probabilities (n,) of a network trained on part == "train", NaN outside part == "test"."""
    train.fit(cfg, z, y, part, out)
    network = learner.load(out / "best.ckpt").network.eval()
    found = np.full(len(y), np.nan)
    with torch.inference_mode():
        rows = np.flatnonzero(part == "test")
        for few in np.array_split(rows, max(1, len(rows) // 32)):
            found[few] = learner.predict(network, z[few]).sigmoid().numpy()
    return found


if __name__ == "__main__":
    main()
