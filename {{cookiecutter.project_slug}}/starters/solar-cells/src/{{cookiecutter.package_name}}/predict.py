"""models/model.onnx + photos -> answers; used by the app, the evaluation and the tests.

Run with the photos as arguments. Needs neither torch nor the training code.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, UnidentifiedImageError

from .config import BadInput

ORANGE = (213, 94, 0)
SIDES = (32, 4096)  # pixels, shortest and longest side of a photo that is accepted


class Model:
    """The exported network: raw photos (n, h, w) uint8 -> probability (n,), explanation (n, r, c).

    The explanation adds up: the mean of its cells is the logit, so a cell's share is exact.
    """

    def __init__(self, path: Path | str = "models/model.onnx") -> None:
        if not Path(path).exists():
            raise BadInput(f"{path}: missing; make it with `uv run dvc repro`")
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def __call__(self, x: np.ndarray, batch: int = 32) -> tuple[np.ndarray, np.ndarray]:
        parts = [
            self.session.run(None, {"x": np.ascontiguousarray(x[i : i + batch])})
            for i in range(0, len(x), batch)
        ]
        probability, explanation = zip(*parts, strict=True)
        return np.concatenate(probability), np.concatenate(explanation)


@dataclass(frozen=True)
class Answer:
    """One photo's answer at the threshold that costs least (see conf/data)."""

    probability: float
    threshold: float
    explanation: np.ndarray

    @property
    def flagged(self) -> bool:
        return self.probability >= self.threshold


def read(path: Path | str) -> np.ndarray:
    """The photo as grey uint8 (h, w); BadInput if it is not one."""
    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":
                raise BadInput(f"{path}: more than 8 bit a pixel; save it as an 8-bit PNG or JPEG")
            check_size(image, path)
            return np.asarray(image.convert("L"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (UnidentifiedImageError, IsADirectoryError, PermissionError):
        raise BadInput(f"{path}: not a photo; give a PNG or JPEG file") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path}: damaged or too large ({error}); save it anew") from None


def check_size(image: Image.Image, name: Path | str) -> None:
    """BadInput unless both sides are within SIDES."""
    low, high = SIDES
    if not (low <= min(image.size) and max(image.size) <= high):
        width, height = image.size
        raise BadInput(f"{name}: {width} x {height} pixels; each side must have {low} to {high}")


def threshold(path: Path | str = "reports/metrics.json") -> float:
    """Probability from which a photo is flagged, as chosen on validation by its cost."""
    if not Path(path).exists():
        raise BadInput(f"{path}: missing; make it with `uv run dvc repro`")
    return json.loads(Path(path).read_text())["threshold"]


def answer(model: Model, photo: np.ndarray) -> Answer:
    """The answer for one grey photo (h, w) uint8."""
    probability, explanation = model(photo[None])
    return Answer(float(probability[0]), threshold(), explanation[0])


def overlay(photo: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The photo (h, w) uint8 in colour (h, w, 3), orange where heat (r, c) speaks for a defect."""
    height, width = photo.shape
    heat = np.clip(heat / max(float(heat.max()), 1e-6), 0, 1).astype(np.float32)
    smooth = Image.fromarray(heat).resize((width, height), Image.Resampling.BICUBIC)
    weight = 0.7 * np.clip(np.asarray(smooth), 0, 1)[:, :, None]
    return ((1 - weight) * photo[:, :, None] + weight * np.array(ORANGE)).astype(np.uint8)


def main(paths: list[str]) -> None:
    """Prints probability and decision of each photo."""
    if not paths:
        raise BadInput("no photo given; give one or more PNG or JPEG files")
    photos = [read(path) for path in paths]
    model = Model()
    for path, photo in zip(paths, photos, strict=True):
        found = answer(model, photo)
        print(f"{path}\t{found.probability:.3f}\t{'flagged' if found.flagged else 'passed'}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        sys.exit(f"error: {error}")
