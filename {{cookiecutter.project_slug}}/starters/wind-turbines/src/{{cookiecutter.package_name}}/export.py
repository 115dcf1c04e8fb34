"""models/best.ckpt -> models/model.onnx: raw windows in, quantiles out. `dvc repro export`.

Normalization, calibration of the interval and schema are inside, so the file that is evaluated
is the file that the demo serves.
"""

from pathlib import Path

import numpy as np
import torch
from heldout import metrics, onnx, stage
from omegaconf import DictConfig

from .data import load_prepared
from .train import load_network, predict

CHECKPOINT, ONNX = Path("models/best.ckpt"), Path("models/model.onnx")


class ExportedModel(torch.nn.Module):
    """Windows (n, history, channels) -> quantiles (n, 3), and of each member (n, members, 3)."""

    def __init__(self, network: torch.nn.Module, margin: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("shift", torch.tensor([-margin, 0.0, margin]))

    def forward(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        quantiles = (self.network(windows) + self.shift).sort(dim=2).values
        return quantiles.mean(1), quantiles


@stage
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint; fails if onnxruntime and torch disagree."""
    windows, samples, schema = load_prepared()
    val = np.flatnonzero(samples[cfg.data.split] == "val")
    low, _, high = predict(CHECKPOINT, val).T
    # Conformal: the interval is widened until it covers 80% of the validation targets.
    margin = metrics.conformal_margin(samples.label[val], low, high)
    difference = onnx.export(
        ExportedModel(load_network(CHECKPOINT), margin).eval(),
        np.array(windows[:4]),  # an example
        ONNX,
        output_names=["quantiles", "members"],
        dynamic={0: "n"},  # any number of windows
        metadata=schema,
    )
    print(f"{ONNX}: {ONNX.stat().st_size / 1e6:.1f} MB, differs from torch by {difference:.0e}")


if __name__ == "__main__":
    main()
