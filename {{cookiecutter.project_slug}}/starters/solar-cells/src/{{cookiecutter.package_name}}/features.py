"""Hand-made features of a photo for the baseline: texture, brightness, edges."""

import numpy as np
import pandas as pd
from skimage.feature import local_binary_pattern
from sklearn.utils.parallel import Parallel, delayed


def texture_features(photos: np.ndarray, samples: pd.DataFrame) -> np.ndarray:
    """Features (n, k) float32 of photos (n, h, w[, 3]), plus the cell type where it is recorded."""
    jobs = (delayed(photo_features)(to_gray(photo)) for photo in photos)
    features = np.stack(Parallel(n_jobs=-1)(jobs))  # on all cores
    if "cell_type" in samples:
        is_poly = (samples.cell_type == "poly").to_numpy()
        features = np.column_stack([features, is_poly])
    return features.astype(np.float32)


def to_gray(photo: np.ndarray) -> np.ndarray:
    """Brightness (h, w) uint8 of a photo (h, w[, 3]), weighted as the eye does (ITU-R BT.601)."""
    if photo.ndim == 2:
        return photo
    return (photo @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def downscale(photo: np.ndarray, factor: int, multiple: int = 1) -> np.ndarray:
    """Mean of every factor x factor square; edges are cut so that `multiple` divides both sides."""
    height, width = (side // (factor * multiple) * multiple for side in photo.shape)
    squares = photo[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return squares.mean((1, 3))


def photo_features(photo: np.ndarray) -> np.ndarray:
    """Local binary patterns and brightness statistics (k,) of one photo (h, w) uint8."""
    half, third = downscale(photo, 2, multiple=5), downscale(photo, 3)
    # Texture: histograms of uniform patterns at three scales (Ojala et al. 2002), 10 bins each.
    histograms = []
    for image, radius in ((half, 1), (half, 2), (third, 1)):
        pattern = local_binary_pattern(image.astype(np.uint8), 8, radius, "uniform").astype(int)
        histograms.append(np.bincount(pattern.ravel(), minlength=10) / pattern.size)
    # Brightness and edges, absolute and relative to the mean of the photo.
    level = half.mean() + 1  # never 0, the divisor below, on a black photo
    brightness = np.percentile(half, [0.5, 1, 2, 5, 10, 25, 50, 75, 90, 95, 99])
    edges = np.percentile(np.hypot(*np.gradient(half)), [50, 75, 90, 95, 99, 99.5])
    # Lines across the cell: how much neighboring rows and columns differ.
    busbars = [np.diff(half.mean(axis)).std() for axis in (0, 1)]
    dark_shares = [(half < share * np.median(half)).mean() for share in (0.5, 0.7)]
    # 25 tiles, sorted: a dark tile is a defect wherever it lies on the cell.
    height, width = (side // 5 for side in half.shape)
    tiles = half.reshape(5, height, 5, width).swapaxes(1, 2).reshape(25, -1)
    tile_mean, tile_std = np.sort(tiles.mean(1)), np.sort(tiles.std(1))
    tile_stats = [tile_mean / level, tile_std / level, tile_std]
    overall = [level, half.std(), *busbars, *dark_shares]
    return np.concatenate(
        [*histograms, brightness, brightness / level, edges, edges / level, *tile_stats, overall]
    )
