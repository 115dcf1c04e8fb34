"""What the network has to beat: classical texture features and logistic regression.

`dvc repro baseline` -> models/baseline.parquet, a column of probabilities for each split. Support
vectors, forests and boosting on the same features, and gradients (HOG), did worse when whole
modules were left out of training.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from skimage.feature import local_binary_pattern
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from . import batches, config


@config.main
def main(cfg: DictConfig) -> None:
    """Fits on the training part of each split and writes the probabilities of all samples."""
    x, _, samples = batches.read()
    found = features(x, samples)
    out = pd.DataFrame(index=samples.index)
    for split in cfg.data.splits:
        train = (samples[split] == "train").to_numpy()
        out[split] = probability(fit(found[train], samples.label[train]), found)
    Path("models").mkdir(exist_ok=True)
    out.to_parquet("models/baseline.parquet")


def features(x: np.ndarray, samples: pd.DataFrame) -> np.ndarray:
    """Features (n, k) float32 of photos x (n, 300, 300): texture, brightness, slopes, cell type."""
    mono = (samples.kind == "mono").to_numpy(np.float32)[:, None]
    return np.hstack([np.stack([describe(photo) for photo in x]), mono]).astype(np.float32)


def describe(photo: np.ndarray) -> np.ndarray:
    """Local binary patterns and brightness statistics of one photo (300, 300) uint8."""
    half = photo.reshape(150, 2, 150, 2).mean((1, 3))
    third = photo.reshape(100, 3, 100, 3).mean((1, 3))
    patterns = []
    for scale, radius in ((half, 1), (half, 2), (third, 1)):
        code = local_binary_pattern(scale.astype(np.uint8), 8, radius, "uniform").astype(int)
        patterns.append(np.bincount(code.ravel(), minlength=10) / code.size)
    level = half.mean() + 1
    tiles = half.reshape(5, 30, 5, 30).swapaxes(1, 2).reshape(25, -1)
    light = np.percentile(half, [0.5, 1, 2, 5, 10, 25, 50, 75, 90, 95, 99])
    slope = np.percentile(np.hypot(*np.gradient(half)), [50, 75, 90, 95, 99, 99.5])
    lines = [np.diff(half.mean(axis)).std() for axis in (0, 1)]
    dark = [(half < share * np.median(half)).mean() for share in (0.5, 0.7)]
    # Sorted, because where on the cell a dark tile lies does not matter.
    places = [np.sort(tiles.mean(1)) / level, np.sort(tiles.std(1)) / level, np.sort(tiles.std(1))]
    spread = [level, half.std(), *lines, *dark]
    return np.concatenate([*patterns, light, light / level, slope, slope / level, *places, spread])


def fit(found: np.ndarray, label: pd.Series) -> Pipeline:
    """Logistic regression on features (n, k); C did best in grouped cross-validation without test."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=1000)).fit(found, label)


def probability(fitted: Pipeline, found: np.ndarray) -> np.ndarray:
    """Probability (n,) of a positive for features (n, k)."""
    return fitted.predict_proba(found)[:, 1]


if __name__ == "__main__":
    main()
