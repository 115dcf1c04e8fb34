"""models/model.onnx + raw inputs -> answers; used by the app, the evaluation and the tests.

Run with the files as arguments. Needs neither torch nor the training code.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from . import inputs
from .config import BadInput


class Model:
    """The exported network: raw x (n, ...) -> probability (n,), or quantiles 10, 50 and 90% (n, 3).

    `schema` says what a raw input looks like.
    """

    def __init__(self, path: Path | str = "models/model.onnx") -> None:
        if not Path(path).exists():
            raise BadInput(f"{path}: missing; make it with `uv run dvc repro`")
        try:
            self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            self.schema = json.loads(self.session.get_modelmeta().custom_metadata_map["schema"])
        except Exception:  # onnxruntime has no common one
            raise BadInput(f"{path}: no model of this project; make it with `uv run dvc repro`") from None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.run(x)[0]

    def run(self, x: np.ndarray) -> list[np.ndarray]:
        """Every output of the graph, each (n, ...); BadInput if an answer is no finite number."""
        batch = max(1, 3_000_000 // x[0].size)  # about as much as fits in the processor's cache
        parts = [
            self.session.run(None, {"x": np.ascontiguousarray(x[i : i + batch])})
            for i in range(0, len(x), batch)
        ]
        found = [np.concatenate(part) for part in zip(*parts, strict=True)]
        if not np.isfinite(found[0]).all():
            raise BadInput("no answer: a value is far from all that the network has seen")
        return found


def metrics(path: Path | str = "reports/metrics.json", needed: str = "threshold") -> dict:
    """What the last evaluation measured; BadInput without the name that is needed."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return {**found, needed: found[needed]}
    except (ValueError, OSError, KeyError, TypeError):
        raise BadInput(f"{path}: missing or damaged; make it with `uv run dvc repro`, or delete it") from None


def threshold(path: Path | str = "reports/metrics.json") -> float:
    """Probability from which a sample is flagged, as chosen on validation by its cost."""
    return metrics(path)["threshold"]


def number(value: float, form: str = "", sign: str = "", like: float | None = None) -> str:
    """A number as text; without a form, with about four digits of the value `like`."""
    if not form:
        size = abs(value if like is None else like)
        form = f",.{min(6, max(0, 3 - math.floor(math.log10(size)))) if size else 3}f"
    return f"{value:{sign}{form}}"


def main(paths: list[str]) -> None:
    """Prints a line for each sample: probability and decision, or a forecast with both ends."""
    if not paths or any(path.startswith("-") for path in paths):
        raise BadInput(f"{' '.join(paths) or 'nothing given'}; give one or more {inputs.FILES}")
    model = Model()
    classify = model.schema["task"] == "classification"
    limit = threshold() if classify else None
    read = [(path, inputs.read(path, model.schema)) for path in paths]
    for path, x in read:
        for row, found in enumerate(model(x), start=1):
            name = path if len(x) == 1 else f"{path}:{row}"
            if classify:
                print(f"{name}\t{found:.3f}\t{'flagged' if found >= limit else 'not flagged'}")
            else:
                low, middle, high = found
                print(f"{name}\t{middle:.6g}\t{low:.6g} to {high:.6g}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        sys.exit(f"error: {error}")
