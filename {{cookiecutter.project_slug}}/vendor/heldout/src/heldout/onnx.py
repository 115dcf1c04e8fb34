"""The exported network: one ONNX file that evaluation, command line and demo share.

`OnnxModel` needs onnxruntime only; torch is imported by `export`.
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

from .errors import InputError, making

REMEDY = "run `uv run dvc repro`"
TOLERANCE = 1e-4  # of an exported output
CACHED = 3_000_000  # numbers of a batch, about as many as the processor's cache holds


class OnnxModel:
    """A network exported by `export`. Raises InputError if the file is missing or damaged."""

    def __init__(self, path: str | Path = "models/model.onnx") -> None:
        if not Path(path).exists():
            raise InputError(f"{path}: missing; {REMEDY}")
        try:
            self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            # of the raw input, and the names of the output
            schema = json.loads(self.session.get_modelmeta().custom_metadata_map["schema"])
        except Exception:  # onnxruntime's errors share no class
            raise InputError(f"{path}: not a model of this project; {REMEDY}") from None
        self.schema: dict[str, Any] = schema

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
    half: bool = False,
) -> float:
    """Writes a torch module as ONNX, with preprocessing inside; nothing is written if it differs.

    Args:
        module: raw x (n, ...) -> a tensor, or a tuple of tensors
        example: raw input (n, ...); outputs of torch and onnxruntime are compared on it
        dynamic: names of the axes of x that may have any length, such as {0: "n"}
        metadata: what the file holds as JSON property "schema"
        half: stores weights as float16, which halves what a browser downloads; predictions change
            in the fourth digit, and the comparison allows for it
    Returns:
        the largest difference of an output, relative to the largest value of torch's if above 1;
        RuntimeError if it is above TOLERANCE, or 100 times TOLERANCE with `half`
    """
    import torch

    x = torch.from_numpy(np.array(example))
    with torch.inference_mode():
        outputs = module(x)
    expected = [outputs] if isinstance(outputs, torch.Tensor) else outputs
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not needed
    axes = {axis: torch.export.Dim(name) for axis, name in dynamic.items()}
    names = {"input_names": ["x"], "output_names": list(output_names)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (x,), dynamic_shapes=(axes,), dynamo=True, verbose=False, **names
        )
    program.model.metadata_props["schema"] = json.dumps(dict(metadata))
    with making(Path(path)) as new:
        program.save(new, external_data=False)
        if half:
            store_as_half(new)
        tolerance = TOLERANCE * (100 if half else 1)
        difference = 0.0
        for output, right in zip(OnnxModel(new).run(example), expected, strict=True):
            error = np.abs(output - right.numpy()) / max(1.0, float(right.abs().max()))
            difference = float(np.maximum(difference, error.max()))  # NaN stays NaN
        if not difference <= tolerance:
            raise RuntimeError(f"{path} differs from torch by {difference}, more than {tolerance}")
    return difference


def store_as_half(path: Path) -> None:
    """Stores the large weights of a file as float16; the runtime casts them back as it loads."""
    import onnx

    model = onnx.load(path)
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        is_large = values.dtype == np.float32 and values.size > 1000
        if is_large and np.abs(values).max() < np.finfo(np.float16).max:
            name, half = weight.name, f"{weight.name}.half"
            weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
            cast = onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT)
            model.graph.node.insert(0, cast)
    onnx.save(model, path)


def load_metrics(path: str | Path = "reports/metrics.json") -> dict[str, Any]:
    """The last evaluation; InputError if the file is missing, damaged or without a threshold."""
    try:
        metrics = json.loads(Path(path).read_text(encoding="utf-8"))
        metrics["threshold"]
    except (ValueError, OSError, KeyError, TypeError):
        raise InputError(f"{path}: missing or damaged; delete it and {REMEDY}") from None
    return metrics
