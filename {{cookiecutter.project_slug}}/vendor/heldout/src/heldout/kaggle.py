"""`heldout submit ["message"]`: predictions for a Kaggle competition -> submission.csv.

With a message, the file is sent. The competition is data.kaggle of conf/data; its folder holds the
test data and sample_submission.csv.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from . import config, fetch
from .cli import project_function
from .errors import InputError, atomic_write, one_line

SUBMISSION = Path("submission.csv")


def main(words: Sequence[str]) -> None:
    """Writes the submission, and sends it if there is a message."""
    message = " ".join(words)
    if message.startswith("-"):
        raise InputError(f'{message}: give a message, such as "first try", or nothing')
    name = config.compose().data.kaggle
    if not name or "/" in name:
        raise InputError("conf/data: kaggle names no competition; prepare data.kaggle=NAME first")
    folder = fetch.RAW / name
    samples = sorted(folder.rglob("sample_submission*.csv"))
    if not samples:
        raise InputError(f"{folder}: no sample_submission.csv; is it a competition, and fetched?")
    sample = pd.read_csv(samples[0], dtype=str)  # an id may be 007
    predict = project_function("predict_competition")
    submission = fill(sample, *predict(folder, sample.columns[0]))
    atomic_write(SUBMISSION, submission.to_csv(index=False, lineterminator="\n"))
    print(f"{SUBMISSION}: {len(submission)} rows")
    if message:
        api, url = fetch.kaggle(), f"https://www.kaggle.com/competitions/{name}"
        with one_line(f"{url}: the submission failed"):
            reply = api.competition_submit(str(SUBMISSION), message, name, quiet=True).message
        if reply == api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
            raise InputError(f"{url}: {reply}")
        print(reply)


def fill(sample: pd.DataFrame, ids: pd.Series, predictions: np.ndarray) -> pd.DataFrame:
    """The sample submission, in its order, with the predictions (k,) or (k, 3) for `ids` (k,)."""
    if len(sample.columns) != 2:
        columns = ", ".join(sample.columns)
        raise InputError(f"sample_submission: columns {columns}; expected an id and a prediction")
    medians = predictions if predictions.ndim == 1 else predictions[:, 1]
    values = pd.Series(medians, index=pd.Series(ids).astype(str))
    if not values.index.is_unique:
        twice = values.index[values.index.duplicated()][0]
        raise InputError(f"test data: id {twice} occurs twice; give unique ids")
    id_column, target = sample.columns
    missing = ~sample[id_column].isin(values.index)
    if missing.any():
        row = int(missing.argmax())
        value = sample[id_column][row]
        raise InputError(f"sample_submission: row {row + 2}: {value} is not in the test data")
    return sample.assign(**{target: values[sample[id_column]].to_numpy()})
