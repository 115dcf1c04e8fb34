"""Answers of models/model.onnx for the test set of a Kaggle competition -> submission.csv.

With a message, as in `submit "first try"`, the file is sent too. The competition is data.kaggle of
conf/data; its folder holds test data and sample_submission.csv.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from . import config, fetch, inputs, predict
from .config import BadInput

SUBMISSION = Path("submission.csv")


def main(message: str | None) -> None:
    """Writes the submission, and sends it with the message if there is one."""
    if message and message.startswith("-"):
        raise BadInput(f'{message}: give a message, such as "first try", or nothing')
    name = config.compose().data.kaggle
    if not name or "/" in name:
        raise BadInput("conf/data: kaggle names no competition; run prepare data=own data.kaggle=NAME first")
    sample = pd.read_csv(find(fetch.RAW / name, "sample_submission"), dtype=str)  # an id may be 007
    submission = fill(sample, *inputs.unlabelled(fetch.RAW / name, sample.columns[0], predict.Model()))
    submission.to_csv(SUBMISSION, index=False, lineterminator="\n")
    print(f"{SUBMISSION}: {len(submission)} rows")
    if message:
        print(send(name, message))


def find(folder: Path, stem: str) -> Path:
    """The CSV file of a competition whose name starts like this."""
    found = sorted(folder.rglob(f"{stem}*.csv"))
    if not found:
        raise BadInput(f"{folder}: no {stem}*.csv; is it a competition, and was it fetched?")
    return found[0]


def fill(sample: pd.DataFrame, ids: pd.Series, answers: np.ndarray) -> pd.DataFrame:
    """The sample submission with answers (n,) or (n, 3) for its ids, in its order."""
    if len(sample.columns) != 2:
        raise BadInput(f"sample_submission: columns {', '.join(sample.columns)}; give an id and an answer")
    if (twice := ids[ids.duplicated()]).size:
        raise BadInput(f"the test data have {twice.iloc[0]} twice; an id must name one sample")
    middle = answers if answers.ndim == 1 else answers[:, 1]
    known = pd.Series(middle, index=ids.astype(str).to_numpy())
    missing = ~sample.iloc[:, 0].astype(str).isin(known.index)
    if missing.any():
        row = int(missing.to_numpy().argmax())
        raise BadInput(f"sample_submission: row {row + 2}: {sample.iloc[row, 0]} is not in the test data")
    return sample.assign(**{sample.columns[1]: known.loc[sample.iloc[:, 0].astype(str)].to_numpy()})


def send(name: str, message: str) -> str:
    """Sends the file to the competition; what Kaggle answers."""
    api = fetch.kaggle()
    with fetch.one_line(f"https://www.kaggle.com/competitions/{name} takes no submission"):
        done = api.competition_submit(str(SUBMISSION), message, name, quiet=True)
    if done.message == api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise BadInput(f"https://www.kaggle.com/competitions/{name}: {done.message}")
    return done.message


if __name__ == "__main__":
    try:
        main(" ".join(sys.argv[1:]) or None)
    except BadInput as error:
        sys.exit(f"error: {error}")
