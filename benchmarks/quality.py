"""What a minute of CPU buys: quality of the default settings and of others, and the best baseline.

A validation part is small, so tables and series are cross-validated as the project does it, on all but the test part;
photos would take hours, they have one validation part. Test is shown beside it, in a project that is thrown away.
"""

import time
from pathlib import Path

import numpy as np
from measure import prepared, row
from project import baseline, config, dataset, leak, predict, scores, splits, train
from sklearn.metrics import mean_absolute_error, roc_auc_score

OTHERS = {
    "image": [["model=frozen"], ["model.epochs=6"], ["model.freeze=11"]],
    "table": [["model=frozen"], ["model.epochs=8"], ["model.epochs=32"], ["model.members=8"], ["model.width=128"]],
    "series": [["model=frozen"], ["model.epochs=3"], ["model.epochs=12"], ["model.layers=2"], ["model.width=32"]],
}


def metric(y: np.ndarray, answers: np.ndarray, task: str) -> float:
    """The project's first metric; of a forecast its middle counts."""
    return roc_auc_score(y, answers) if task == "classification" else mean_absolute_error(y, answers)


def middle(answers: np.ndarray) -> np.ndarray:
    return answers if answers.ndim == 1 else answers[:, 1]


def crossvalidated(cfg, told: tuple, z, kept: np.ndarray) -> float:
    """The metric of all folds together over the rows `kept` (k,), none of which is a test row."""
    x, y, samples, schema = told
    answers = np.full(len(y), np.nan)
    few = samples.iloc[kept].reset_index(drop=True)
    for names in splits.folds(few, cfg.data.split, schema["task"], cfg.folds, cfg.seed):
        part = np.full(len(y), "-", object)
        part[kept] = names
        rows = np.flatnonzero(part == "test")
        facts = train.learn(x, y, part, schema)
        answers[rows] = middle(leak.predict(cfg, facts, z, y, part, Path("runs/quality"), rows))
    tested = ~np.isnan(answers)
    return metric(y[tested], answers[tested], schema["task"])


def main() -> None:
    prepared()
    x, y, samples, schema = told = dataset.read()
    measured = predict.metrics()
    task, first = schema["task"], scores.FIRST[schema["task"]]
    part = samples[config.compose("trainer=cpu").data.split].to_numpy()
    rows = {name: np.flatnonzero(part == name) for name in ("val", "test")}
    for words in [[], *OTHERS[Path.cwd().name]]:
        cfg = config.compose("trainer=cpu", *words)
        begun = time.process_time()
        facts = train.learn(x, y, part, schema)
        z = leak.encoded(cfg, x, facts)
        both = np.concatenate([rows["val"], rows["test"]])
        answers = middle(leak.predict(cfg, facts, z, y, part, Path("runs/quality"), both))
        spent = (time.process_time() - begun) / 60
        found = dict(zip(both, answers, strict=True))
        val, test = (metric(y[some], [found[i] for i in some], task) for some in rows.values())
        said = f"{first.upper()} {test:.4g} on test, {val:.4g} on validation"
        if Path.cwd().name != "image":
            said += f", {crossvalidated(cfg, told, z, np.flatnonzero(np.isin(part, ['train', 'val']))):.4g} in folds"
        row(" ".join(words) or "default", said, f"{spent:.2f} min of CPU")
    begun = time.process_time()
    baseline.main(config.compose("trainer=cpu"))
    spent = (time.process_time() - begun) / 60
    said = f"{first.upper()} {measured['baseline'][first]['value']:.4g} on test"
    row(f"baselines; the best, {measured['baseline_name']}", said, f"{spent:.2f} min of CPU for all, on every split")


if __name__ == "__main__":
    main()
