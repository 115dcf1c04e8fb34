"""models/best.ckpt -> models/model.onnx: raw units in, answer out (`dvc repro export`).

What is scored, served and shown in the browser is this one file, so preprocessing and test-time
averaging are inside the graph.
"""

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from omegaconf import DictConfig, OmegaConf

from . import config, dataset, model, predict

MODEL = Path("models/model.onnx")
TOLERANCE = 1e-4  # largest difference between torch and onnxruntime, of a probability or the largest value


@config.main
def main(cfg: DictConfig) -> None:
    """Exports the best checkpoint and stops if onnxruntime answers differently."""
    network = load("models/best.ckpt")
    samples, _, _, schema = dataset.read()
    x = np.array(samples[:4])
    new = MODEL.with_suffix(".new")
    export(network, x, schema, new)
    difference = parity(network, x, new)
    config.replace(new, MODEL)
    print(f"{MODEL}: {MODEL.stat().st_size / 1e6:.1f} MB, differs by {difference:.0e}")


def load(path: Path | str) -> torch.nn.Module:
    """The network of a checkpoint, on the CPU. Unpickles no code, and imports no Lightning: slow."""
    kept = torch.load(path, map_location="cpu", weights_only=True)
    told, weights = kept["hyper_parameters"], kept["state_dict"]
    network = model.build(OmegaConf.create(told["cfg"]), told["facts"])
    network.load_state_dict({name.removeprefix("network."): weight for name, weight in weights.items()})
    return network.eval()


def export(network: torch.nn.Module, x: np.ndarray, schema: dict, path: Path) -> None:
    """Writes `network.answer` as ONNX with the schema inside; x (n, ...) is an example of raw input."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which is not needed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Answer(network),
            (torch.from_numpy(x),),
            str(path),
            input_names=["x"],
            output_names=list(network.outputs),
            dynamic_shapes=({axis: torch.export.Dim(name) for axis, name in network.dynamic.items()},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {"schema": json.dumps(schema)})
    onnx.save(graph, path)


def parity(network: torch.nn.Module, x: np.ndarray, path: Path) -> float:
    """Largest difference between torch and onnxruntime on x (n, ...): of a probability, or of the spread."""
    with torch.inference_mode():
        expected = network.answer(torch.from_numpy(x))[0].numpy()
    spread = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(predict.Model(path)(x) - expected).max()) / spread
    if not difference <= TOLERANCE:
        raise RuntimeError(f"{path} differs from the checkpoint by {difference}, allowed {TOLERANCE}")
    return difference


class Answer(torch.nn.Module):
    """What is exported: raw x (n, ...) -> `network.outputs`, the first of them the answer (n,) or (n, 3)."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.network.answer(x)


if __name__ == "__main__":
    main()
