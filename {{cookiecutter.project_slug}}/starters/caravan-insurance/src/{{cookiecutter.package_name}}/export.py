"""models/best.ckpt -> models/model.onnx: encoded rows in, prediction out. `dvc repro export`.

Scaling and embeddings are inside: the file that is scored is the one that the demo serves.
"""

from pathlib import Path

import torch
from heldout import onnx, stage
from omegaconf import DictConfig

from .data import load_prepared
from .train import load_network

ONNX = Path("models/model.onnx")


class ExportedModel(torch.nn.Module):
    """Rows (n, columns) float32 -> probability (n,), or quantiles (n, 3)."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network.predict(x)


@stage
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint; fails if onnxruntime and torch disagree."""
    x, _, schema = load_prepared()
    exported = ExportedModel(load_network(Path("models/best.ckpt"))).eval()
    options = {"output_names": ["prediction"], "dynamic": {0: "n"}}  # any number of rows
    difference = onnx.export(exported, x[:4], ONNX, metadata=schema, **options)
    print(f"{ONNX}: differs from torch by {difference:.0e}")


if __name__ == "__main__":
    main()
