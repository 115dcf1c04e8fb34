"""models/best.ckpt -> models/model.onnx: raw photos in, probability out. `dvc repro export`.

Scaling, normalization and the average over flips are inside the graph, so the file that is scored
is the file that the demo serves. The schema travels in its metadata.
"""

from pathlib import Path

import numpy as np
import torch
from heldout import onnx, stage
from omegaconf import DictConfig

from .data import load_prepared
from .train import load_classifier

ONNX = Path("models/model.onnx")


class ExportedModel(torch.nn.Module):
    """Raw photos (n, h, w[, 3]) uint8 -> probability (n,), class activation map (n, r, c)."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.network.predict(x)


@stage
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint; fails if onnxruntime and torch disagree."""
    photos, _, schema = load_prepared()
    network = load_classifier(Path("models/best.ckpt")).model
    difference = onnx.export(  # compares both on four photos before it writes the file
        ExportedModel(network),
        np.array(photos[:4]),
        ONNX,
        output_names=["probability", "heatmap"],
        dynamic={0: "n", 1: "h", 2: "w"},  # any number of photos of any size
        metadata=schema,
    )
    print(f"{ONNX}: {ONNX.stat().st_size / 1e6:.1f} MB, differs from torch by {difference:.0e}")


if __name__ == "__main__":
    main()
