"""Features of a window for the baseline: current values, lags, mean and standard deviation."""

import numpy as np

LAGS = (1, 2, 3, 6, 12)  # steps back


def lag_features(windows: np.ndarray, n_columns: int) -> np.ndarray:
    """Features (n, k) float32 of windows (n, history, channels); column 0 is the target now.

    The first `n_columns` channels are measured; lags of clock and series are uninformative.
    """
    history = windows.shape[1]
    features = [windows[:, -1]]
    for lag in LAGS:
        if lag < history:
            features.append(windows[:, -1 - lag, :n_columns])
    # Level and gusts of the target over the last hour and over the whole window.
    target = np.asarray(windows[:, :, 0])
    for span in sorted({min(6, history), history}):
        recent = target[:, -span:]
        features += [recent.mean(1, keepdims=True), recent.std(1, keepdims=True)]
    return np.concatenate(features, axis=1)
