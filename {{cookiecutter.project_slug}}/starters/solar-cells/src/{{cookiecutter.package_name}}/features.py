"""Classical features of a photo, for the baseline: texture, brightness, slopes."""

import numpy as np
import pandas as pd
from skimage.feature import local_binary_pattern


def features(x: np.ndarray, samples: pd.DataFrame, schema: dict) -> pd.DataFrame:
    """Features (n, k) float32 of photos x (n, h, w[, 3]) and of the columns `kind` that a table may have."""
    found = pd.DataFrame(np.stack([describe(grey(photo)) for photo in x]).astype(np.float32))
    for value in sorted(samples.kind.unique())[:-1] if "kind" in samples else []:
        found[value] = (samples.kind == value).to_numpy(np.float32)
    return found.rename(columns=str)


def grey(photo: np.ndarray) -> np.ndarray:
    """The brightness (h, w) of a photo (h, w[, 3]), weighted as the eye does (ITU-R BT.601)."""
    return photo if photo.ndim == 2 else (photo @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def shrink(photo: np.ndarray, times: int, multiple: int = 1) -> np.ndarray:
    """Means of squares of this side, cut so that `multiple` divides both sides."""
    height, width = (side // (times * multiple) * multiple for side in photo.shape)
    return photo[: height * times, : width * times].reshape(height, times, width, times).mean((1, 3))


def describe(photo: np.ndarray) -> np.ndarray:
    """Local binary patterns and brightness statistics of one photo (h, w) uint8."""
    half, third = shrink(photo, 2, 5), shrink(photo, 3)
    patterns = []
    for scale, radius in ((half, 1), (half, 2), (third, 1)):
        code = local_binary_pattern(scale.astype(np.uint8), 8, radius, "uniform").astype(int)
        patterns.append(np.bincount(code.ravel(), minlength=10) / code.size)
    level = half.mean() + 1
    height, width = (side // 5 for side in half.shape)
    tiles = half.reshape(5, height, 5, width).swapaxes(1, 2).reshape(25, -1)
    light = np.percentile(half, [0.5, 1, 2, 5, 10, 25, 50, 75, 90, 95, 99])
    slope = np.percentile(np.hypot(*np.gradient(half)), [50, 75, 90, 95, 99, 99.5])
    lines = [np.diff(half.mean(axis)).std() for axis in (0, 1)]
    dark = [(half < share * np.median(half)).mean() for share in (0.5, 0.7)]
    # Sorted, because where on the photo a dark tile lies does not matter.
    places = [np.sort(tiles.mean(1)) / level, np.sort(tiles.std(1)) / level, np.sort(tiles.std(1))]
    spread = [level, half.std(), *lines, *dark]
    return np.concatenate([*patterns, light, light / level, slope, slope / level, *places, spread])
