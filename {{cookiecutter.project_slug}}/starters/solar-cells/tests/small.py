"""Settings and helpers that make this project's tests fast."""

from pathlib import Path

import numpy as np

from {{ cookiecutter.package_name }}.predict import Predictor

OVERRIDES = ["model.size=64", "model.epochs=2", "model.members=2"]
STEP = 24  # the tests use every 24th photo
ARRAYS = ["images.npy"]
API = "/inspect"  # the demo's function for a file


def predict_file(path: Path) -> np.ndarray:
    """The prediction of the exported model for one file."""
    predictor = Predictor()
    return predictor(predictor.load(path))
