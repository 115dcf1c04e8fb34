"""models/model.onnx + rows of a table -> predictions; for app.py and evaluate.py, needs no torch.

`python -m ... predict ROWS.csv ...` prints one line per row.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import InputError, readers, tables
from heldout.onnx import OnnxModel

N_ORDERS = 10  # of the columns; standard error at most 0.07 log-odds (in ten test rows)


class Predictor:
    """The exported network: encoded rows (n, columns) -> probabilities (n,) or quantiles (n, 3)."""

    def __init__(self, path: str | Path = "models/model.onnx") -> None:
        self.model = OnnxModel(path)
        self.schema = self.model.schema
        self.columns = self.schema["columns"]
        self.typical = tables.typical(self.columns)  # (columns,): medians, most frequent categories
        names = [column["name"] for column in self.columns]
        # Positions and titles of the columns in figures and demo.
        self.shown = [names.index(name) for name in self.schema["show"] if name in names]
        self.titles = [self.schema["column_names"].get(name, name) for name in names]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return self.model.run(rows)[0]

    def load(self, path: str | Path) -> np.ndarray:
        """The rows of a CSV or Parquet file with all columns, encoded (n, columns)."""
        return tables.read_rows(path, self.columns)

    def shapley_values(self, row: np.ndarray) -> np.ndarray:
        """Mean change of log-odds or median (columns,) as the typical row becomes this (columns,).

        The columns change in random orders (Strumbelj and Kononenko 2014).
        """
        row = np.where(np.isnan(row), self.typical, row)  # a missing value explains nothing
        rng, total = np.random.default_rng(0), np.zeros(len(row))
        for _ in range(N_ORDERS):
            order = rng.permutation(len(row))
            rows = np.tile(self.typical, (len(row) + 1, 1))
            for step, i in enumerate(order, start=1):
                rows[step:, i] = row[i]  # from this step on, column i has its value
            predictions = self(rows)
            if predictions.ndim == 2:
                margin = predictions[:, 1]  # the median
            else:
                p = np.clip(predictions.astype(float), 1e-6, 1 - 1e-6)
                margin = np.log(p / (1 - p))  # the log-odds
            total[order] += np.diff(margin)
        return np.where(row == self.typical, 0, total / N_ORDERS)


def predict_competition(folder: Path, id_column: str) -> tuple[pd.Series, np.ndarray]:
    """Ids and predictions for test.csv of a Kaggle competition."""
    path = next(iter(sorted(folder.rglob("test*.csv"))), folder / "test.csv")
    table = readers.table(path, [id_column])
    readers.check_columns(table, path, {"id": id_column})
    predictor = Predictor()
    return table[id_column], predictor(predictor.load(path))


def main(paths: list[str]) -> None:
    """Prints path, number and probability of each row, or its three quantiles."""
    if not paths or paths[0].startswith("-"):
        raise InputError("give one or more CSV files with the columns of the training data")
    predictor = Predictor()
    for path in paths:
        for i, prediction in enumerate(predictor(predictor.load(path)), start=1):
            print(path, i, *np.atleast_1d(prediction), sep="\t")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
