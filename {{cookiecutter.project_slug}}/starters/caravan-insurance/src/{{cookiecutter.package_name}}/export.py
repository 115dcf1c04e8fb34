"""models/best.ckpt -> models/model.onnx: encoded rows in, prediction out. `dvc repro export`.

Scaling and embeddings are inside: the file that is evaluated is the one that the demo serves.
"""

from pathlib import Path

import torch
from heldout import onnx, stage
from omegaconf import DictConfig

from .data import load_prepared
from .train import load_members

ONNX = Path("models/model.onnx")


class ExportedModel(torch.nn.Module):
    """Rows (n, columns) -> probability (n,) or quantiles (n, 3); of members (n, members[, 3])."""

    def __init__(self, members: torch.nn.ModuleList):
        super().__init__()
        self.members = members

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        members = torch.stack([member.predict(x) for member in self.members], dim=1)
        return members.mean(1), members


@stage
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint; fails if onnxruntime and torch disagree."""
    x, _, schema = load_prepared()
    exported = ExportedModel(load_members(Path("models/best.ckpt"))).eval()
    options = {"output_names": ["prediction", "members"], "dynamic": {0: "n"}}  # any number of rows
    difference = onnx.export(exported, x[:4], ONNX, metadata=schema, **options)
    print(f"{ONNX}: differs from torch by {difference:.0e}")


if __name__ == "__main__":
    main()
