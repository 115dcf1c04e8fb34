"""models/model.onnx + windows -> forecasts; used by app.py and evaluate.py, needs no torch.

`python -m ... predict FILE.csv ...` prints one line per file of a series.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import InputError, series
from heldout.onnx import OnnxModel

from .windows import stack_channels

BLOCK = 6  # steps that an explanation hides at once: one hour of the starter


class Predictor:
    """The exported network: windows (n, history, channels) in, quantiles (n, 3) out."""

    def __init__(self, path: str | Path = "models/model.onnx") -> None:
        self.model = OnnxModel(path)
        self.schema = self.model.schema

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """10%, 50% and 90% quantile (n, 3) of the target, in its unit."""
        return self.model.run(windows)[0]

    def load(self, path: str | Path) -> tuple[pd.DataFrame, np.ndarray]:
        """The last rows of a file of one series, and their window (1, history, channels)."""
        rows = series.last_rows(path, self.schema)
        return rows, stack_channels(rows, self.schema)[None]

    def occlusion(self, window: np.ndarray) -> np.ndarray:
        """Effect (blocks, columns) on the median forecast of one window (history, channels).

        It is the change of the forecast, in units of the target, when a block of steps holds the
        column's mean over the window instead. Effects need not add up to the forecast.
        """
        n_columns = len(self.schema["channels"])
        variants = [window]
        for start in range(0, len(window), BLOCK):
            for column in range(n_columns):
                hidden = window.copy()
                hidden[start : start + BLOCK, column] = window[:, column].mean()
                variants.append(hidden)
        median = self(np.stack(variants))[:, 1]  # (1 + blocks * columns,)
        return (median[0] - median[1:]).reshape(-1, n_columns)


def main(paths: list[str]) -> None:
    """Prints path, median forecast and 80% interval of each file."""
    if not paths or paths[0].startswith("-"):
        raise InputError("give one or more CSV or Parquet files")
    predictor = Predictor()
    for path in paths:
        _, window = predictor.load(path)
        [[low, median, high]] = predictor(window)
        print(f"{path}\t{median:.6g}\t{low:.6g} to {high:.6g}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
