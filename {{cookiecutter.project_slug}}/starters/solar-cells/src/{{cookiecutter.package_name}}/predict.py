"""models/model.onnx + photos -> defect probabilities, for app.py and evaluate.py. No torch.

`python -m ... predict PHOTO.png ...` prints one line per photo.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import InputError, images
from heldout.onnx import OnnxModel, load_metrics


class Predictor:
    """The exported network: photos (n, h, w[, 3]) uint8 in, probability of a defect (n,) out."""

    def __init__(self, path: str | Path = "models/model.onnx") -> None:
        self.model = OnnxModel(path)
        self.schema = self.model.schema

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        return self.with_heatmap(photos)[0]

    def with_heatmap(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probability (n,) and class activation map (n, r, c)."""
        return tuple(self.model.run(photos)[:2])

    def load(self, path: str | Path) -> np.ndarray:
        """One photo in the training format: uint8 (1, size, size[, 3])."""
        return images.image_batch(path, self.schema)


def predict_competition(folder: Path, id_column: str) -> tuple[pd.Series, np.ndarray]:
    """File names without suffix, and probabilities, for the test photos of a Kaggle competition."""
    paths = images.find_images(folder / "test")
    predictor = Predictor()
    probabilities = [predictor(predictor.load(path))[0] for path in paths]
    return pd.Series([path.stem for path in paths]), np.array(probabilities)


def main(paths: list[str]) -> None:
    """Prints path, probability and decision of each photo."""
    if not paths or paths[0].startswith("-"):
        raise InputError("give one or more PNG or JPEG files")
    predictor, threshold = Predictor(), load_metrics()["threshold"]
    photos = [predictor.load(path) for path in paths]
    for path, photo in zip(paths, photos, strict=True):
        [probability] = predictor(photo)
        decision = "flagged" if probability >= threshold else "not flagged"
        print(f"{path}\t{probability:.3f}\t{decision}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
