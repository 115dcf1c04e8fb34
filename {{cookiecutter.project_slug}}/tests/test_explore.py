"""Cross-validation and search: honest folds, and a study that goes on where it stopped."""

import json
from pathlib import Path

import optuna
import pandas as pd
from conftest import SMALL, settings

from {{ cookiecutter.package_name }} import batches, crossvalidate, evaluate, tune


def test_every_sample_is_tested_once_and_no_group_is_split(inside):
    _, _, samples = batches.read()
    parts = crossvalidate.parts(samples, folds=5, seed=0)
    assert (sum((part == "test").astype(int) for part in parts) == 1).all()
    for part in parts:
        assert pd.Series(part).groupby(samples.group.to_numpy()).nunique().max() == 1
        assert set(part) == {"train", "val", "test"}


def test_crossvalidation_writes_both_and_their_difference(inside):
    ledger = evaluate.LEDGER.read_text()
    crossvalidate.main(settings("model=frozen", "folds=3", "model.epochs=1"))
    assert evaluate.LEDGER.read_text().count("crossvalidate, frozen") == 1
    evaluate.LEDGER.write_text(ledger)
    found = json.loads(Path("reports/crossvalidation-frozen.json").read_text())
    assert found["n"] == len(batches.read()[2])
    gap = found["network"]["auc"]["value"] - found["baseline"]["auc"]["value"]
    assert abs(found["difference"]["auc"]["value"] - gap) < 2e-6


def test_a_stopped_search_goes_on(inside, capsys):
    overrides = [*SMALL, "model=frozen", "model.epochs=1"]
    tune.main([*overrides, "tune.trials=1"])
    tune.main([*overrides, "tune.trials=2"])
    studies = optuna.get_all_study_summaries("sqlite:///runs/tune.db")
    assert [study.n_trials for study in studies] == [2]
    first, second = optuna.load_study(study_name=None, storage="sqlite:///runs/tune.db").trials
    assert first.params != second.params
    assert "model.lr=" in capsys.readouterr().out
    assert not list(Path("runs/tune").iterdir())
