"""Settings and helpers that make this project's tests fast."""

from pathlib import Path

import numpy as np

from {{ cookiecutter.package_name }}.predict import Predictor

OVERRIDES = ["model.epochs=2", "model.members=2", "data.baselines.boosting.max_iter=10"]
STEP = 100  # the tests use every hundredth window
ARRAYS = ["windows.npy"]
API = "/forecast"  # the demo's function for a file


def predict_file(path: Path) -> np.ndarray:
    """The quantiles of the exported model for one file."""
    predictor = Predictor()
    return predictor(predictor.load(path)[1])
