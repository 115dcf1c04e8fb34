"""models/best.ckpt -> models/model.onnx: raw photos in, probability out. `dvc repro export`.

Scaling and the means over flips and members are inside the graph, so the file that is evaluated
is the file that the demo serves. The schema travels in its metadata.
"""

from pathlib import Path

import numpy as np
import torch
from heldout import onnx, stage
from omegaconf import DictConfig

from .data import load_prepared
from .train import CellClassifier, load_classifier

ONNX = Path("models/model.onnx")


class ExportedModel(torch.nn.Module):
    """Photos (n, h, w[, 3]) -> probability (n,), heatmap (n, r, c), probabilities (n, members)."""

    def __init__(self, classifier: CellClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.classifier.model[0].encode(x)  # the frozen blocks of all members are equal
        members, heatmaps = self.classifier.predict(features)
        return members.mean(1), heatmaps.mean(1), members


@stage
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint; fails if onnxruntime and torch disagree."""
    photos, _, schema = load_prepared()
    difference = onnx.export(  # compares both on four photos before it writes the file
        ExportedModel(load_classifier(Path("models/best.ckpt"))),
        np.array(photos[:4]),
        ONNX,
        output_names=["probability", "heatmap", "members"],
        dynamic={0: "n", 1: "h", 2: "w"},  # any number of photos of any size
        metadata=schema,
        half=True,  # the members have 9 million weights
    )
    print(f"{ONNX}: {ONNX.stat().st_size / 1e6:.1f} MB, differs from torch by {difference:.0e}")


if __name__ == "__main__":
    main()
