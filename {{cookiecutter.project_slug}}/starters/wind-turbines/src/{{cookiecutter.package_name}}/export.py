"""models/best.ckpt -> models/model.onnx: raw windows in, quantiles out. `dvc repro export`.

Normalization and schema are inside, so the file that is scored is the file that the demo serves.
"""

from pathlib import Path

import numpy as np
from heldout import onnx, stage
from omegaconf import DictConfig

from .data import load_prepared
from .train import load_network

ONNX = Path("models/model.onnx")


@stage
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint; fails if onnxruntime and torch disagree."""
    windows, _, schema = load_prepared()
    difference = onnx.export(
        load_network("models/best.ckpt"),
        np.array(windows[:4]),  # an example
        ONNX,
        output_names=["quantiles"],
        dynamic={0: "n"},  # any number of windows
        metadata=schema,
    )
    print(f"{ONNX}: {ONNX.stat().st_size / 1e6:.1f} MB, differs from torch by {difference:.0e}")


if __name__ == "__main__":
    main()
