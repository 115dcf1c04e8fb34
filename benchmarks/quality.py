"""What a minute of CPU buys: quality of the default settings and of others, and the best baseline.

The table's validation part has a few dozen positives, which settle nothing, so the table is cross-validated as well,
on all but its test part. Test is shown beside it, in a project that is thrown away.
"""

import time
from pathlib import Path

import numpy as np
from measure import prepared, row
from project import baseline, config, dataset, features, leak, predict, scores, splits, train
from sklearn.metrics import mean_absolute_error, roc_auc_score

OUT = Path("runs/quality")
OTHERS = {
    "image": [["model=frozen"], ["model.epochs=6"], ["model.freeze=11"]],
    "table": [["model=frozen"], ["model.epochs=8"], ["model.epochs=32"], ["model.members=8"], ["model.width=128"]],
    "series": [["model=frozen"], ["model.epochs=3"], ["model.epochs=12"], ["model.layers=2"], ["model.width=32"]],
}


def metric(y: np.ndarray, answers: np.ndarray) -> float:
    """The project's first metric: of probabilities (n,) AUC, of quantiles (n, 3) the error of the middle one."""
    return roc_auc_score(y, answers) if answers.ndim == 1 else mean_absolute_error(y, answers[:, 1])


def crossvalidated(cfg, y: np.ndarray, samples, task: str, answer) -> str:
    """The metric over all samples but the test part, each answered by what saw nothing of its group.

    answer(part, rows) learns from part == "train" and answers the rows.
    """
    kept = np.flatnonzero(samples[cfg.data.split] != "test")
    answers = np.zeros(len(y))
    for names in splits.folds(samples.iloc[kept], cfg.data, task, cfg.folds, cfg.seed):
        part = np.full(len(y), "gap", object)
        part[kept] = names
        rows = np.flatnonzero(part == "test")
        answers[rows] = answer(part, rows)
    return f", {metric(y[kept], answers[kept]):.4g} in {cfg.folds} folds"


def main() -> None:
    prepared()
    x, y, samples, schema = dataset.read()
    measured = predict.metrics()
    first = scores.FIRST[measured["task"]]
    part = samples[config.compose("trainer=cpu").data.split].to_numpy()
    rows = {name: np.flatnonzero(part == name) for name in ("val", "test")}
    for words in [[], *OTHERS[Path.cwd().name]]:
        cfg = config.compose("trainer=cpu", *words)
        begun = time.process_time()
        facts = train.learn(x, y, part, schema)
        z = leak.encoded(cfg, x, facts)
        both = np.concatenate([rows["val"], rows["test"]])
        answers = leak.predict(cfg, facts, z, y, part, OUT, both)
        spent = (time.process_time() - begun) / 60
        val, test = (metric(y[r], a) for r, a in zip(rows.values(), np.split(answers, [len(rows["val"])]), strict=True))
        said = f"{first.upper()} {test:.4g} on test, {val:.4g} on validation"
        if Path.cwd().name == "table":

            def network(part: np.ndarray, rows: np.ndarray, cfg=cfg, z=z) -> np.ndarray:
                return leak.predict(cfg, train.learn(x, y, part, schema), z, y, part, OUT, rows)

            said += crossvalidated(cfg, y, samples, schema["task"], network)
        row(" ".join(words) or "default", said, f"{spent:.2f} min of CPU")
    cfg, best = config.compose("trainer=cpu"), measured["baseline_name"]
    begun = time.process_time()
    baseline.main(cfg)
    spent = (time.process_time() - begun) / 60
    said = f"{first.upper()} {measured['baseline'][first]['value']:.4g} on test"
    if Path.cwd().name == "table":
        known = features.features(x, samples, schema)

        def fitted(part: np.ndarray, rows: np.ndarray) -> np.ndarray:
            learnt = part == "train"
            return baseline.fit(best, cfg, schema["task"], known[learnt], y[learnt])(known.iloc[rows])

        said += crossvalidated(cfg, y, samples, schema["task"], fitted)
    row(f"baselines; the best, {best}", said, f"{spent:.2f} min of CPU for all, on every split")


if __name__ == "__main__":
    main()
