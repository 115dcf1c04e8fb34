"""What a minute of CPU buys: quality of the default settings and of others, and the best baseline.

Validation is small (a few dozen positives), so it does not settle small differences: docs/decisions.md says by what
cross-validation the defaults were chosen. Test is shown beside it, in a project that is thrown away.
"""

import time
from pathlib import Path

import numpy as np
from measure import prepared, row
from project import baseline, config, dataset, leak, predict, scores, train
from sklearn.metrics import mean_absolute_error, roc_auc_score

OTHERS = {
    "image": [["model=frozen"], ["model.epochs=6"], ["model.freeze=11"]],
    "table": [["model=frozen"], ["model.epochs=8"], ["model.epochs=32"], ["model.members=8"], ["model.width=128"]],
    "series": [["model=frozen"], ["model.epochs=3"], ["model.epochs=12"], ["model.layers=2"], ["model.width=32"]],
}


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
        answers = leak.predict(cfg, facts, z, y, part, Path("runs/quality"), both)
        spent = (time.process_time() - begun) / 60
        answers = answers if answers.ndim == 1 else answers[:, 1]
        split = len(rows["val"])
        found = [
            roc_auc_score(y[r], a) if first == "auc" else mean_absolute_error(y[r], a)
            for r, a in ((rows["val"], answers[:split]), (rows["test"], answers[split:]))
        ]
        name = " ".join(words) or "default"
        row(name, f"{first.upper()} {found[1]:.4g} on test, {found[0]:.4g} on validation", f"{spent:.2f} min of CPU")
    begun = time.process_time()
    baseline.main(config.compose("trainer=cpu"))
    spent = (time.process_time() - begun) / 60
    told = f"{first.upper()} {measured['baseline'][first]['value']:.4g} on test"
    row(f"baselines; the best, {measured['baseline_name']}", told, f"{spent:.2f} min of CPU for all, on every split")


if __name__ == "__main__":
    main()
