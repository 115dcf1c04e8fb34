"""The exported network: one ONNX file that evaluation, command line and demo share.

`OnnxModel` needs onnxruntime only; torch and onnx are imported by `export`.
"""

import json
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .errors import InputError, replace

REMEDY = "run `uv run dvc repro`"
Outputs = np.ndarray | Sequence[np.ndarray]
CACHED = 3_000_000  # numbers of a batch, about as many as the processor's cache holds


class OnnxModel:
    """A network exported by `export`. Raises InputError if the file is missing or damaged."""

    def __init__(self, path: str | Path = "models/model.onnx") -> None:
        if not Path(path).exists():
            raise InputError(f"{path}: missing; {REMEDY}")
        try:
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            schema = json.loads(session.get_modelmeta().custom_metadata_map["schema"])
        except Exception:  # onnxruntime's errors share no class
            raise InputError(f"{path}: not a model of this project; {REMEDY}") from None
        self.session = session
        self.schema: dict[str, Any] = schema  # of the raw input, and the names of the output

    def run(self, x: np.ndarray) -> list[np.ndarray]:
        """Every output of the graph, (n, ...) each, for raw input x (n, ...).

        Raises InputError if there is no row, or if the first output is not finite.
        """
        if not len(x):
            raise InputError("no rows to predict; give one or more")
        batch_size = max(1, CACHED // math.prod(x.shape[1:]))
        batches = []
        for i in range(0, len(x), batch_size):
            batch = np.ascontiguousarray(x[i : i + batch_size])
            batches.append(self.session.run(None, {"x": batch}))
        outputs = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        if not np.isfinite(outputs[0]).all():
            raise InputError("no prediction: an input value is far outside the training data")
        return outputs


def export(
    module: Any,
    example: np.ndarray,
    path: str | Path,
    *,
    output_names: Sequence[str],
    dynamic: Mapping[int, str],
    metadata: Mapping[str, Any],
    expected: Outputs | None = None,
    tolerance: float = 1e-4,
) -> float:
    """Writes a torch module as ONNX, with preprocessing inside; nothing is written if it differs.

    Args:
        module: raw x (n, ...) -> a tensor, or a tuple of tensors
        example: raw input (n, ...); the parity check runs on it
        dynamic: names of the axes of x that may have any length, such as {0: "n"}
        metadata: what the file holds as JSON property "schema"
        expected: the outputs for `example`; default: those of the module itself
    Returns:
        the largest difference between torch and onnxruntime, as of `check_parity`
    """
    import onnx
    import torch

    path, new = Path(path), Path(f"{path}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    x = torch.from_numpy(np.array(example))
    if expected is None:
        with torch.inference_mode():
            outputs = module(x)
        outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
        expected = [output.numpy() for output in outputs]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not needed
    axes = {axis: torch.export.Dim(name) for axis, name in dynamic.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            settings = {"dynamic_shapes": (axes,), "dynamo": True, "external_data": False}
            settings |= {"input_names": ["x"], "output_names": list(output_names)}
            torch.onnx.export(module, (x,), str(new), verbose=False, **settings)
        graph = onnx.load(new)
        onnx.helper.set_model_props(graph, {"schema": json.dumps(dict(metadata))})
        onnx.save(graph, new)
        difference = check_parity(new, example, expected, tolerance)
        replace(new, path)
    finally:
        new.unlink(missing_ok=True)
    return difference


def check_parity(
    path: str | Path, example: np.ndarray, expected: Outputs, tolerance: float = 1e-4
) -> float:
    """Largest difference between onnxruntime's outputs and the `expected` (first) ones.

    Relative to the largest expected value, if that is above 1. RuntimeError beyond `tolerance`.
    """
    expected = [expected] if isinstance(expected, np.ndarray) else expected
    differences = []
    for output, right in zip(OnnxModel(path).run(np.asarray(example)), expected, strict=False):
        scale = max(1.0, float(np.abs(right).max()))
        differences.append(float(np.abs(output - right).max()) / scale)
    difference = float(np.max(differences))  # NaN stays NaN
    if not difference <= tolerance:
        raise RuntimeError(f"{path} differs from torch by {difference}, tolerance {tolerance}")
    return difference


def load_metrics(path: str | Path = "reports/metrics.json") -> dict[str, Any]:
    """The last evaluation; InputError if the file is missing, damaged or without a threshold."""
    try:
        metrics = json.loads(Path(path).read_text(encoding="utf-8"))
        metrics["threshold"]
    except (ValueError, OSError, KeyError, TypeError):
        raise InputError(f"{path}: missing or damaged; delete it and {REMEDY}") from None
    return metrics
