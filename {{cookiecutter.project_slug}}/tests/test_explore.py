"""Cross-validation and search: honest folds, and a study that goes on where it stopped."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest
from conftest import SMALL, settings

from {{ cookiecutter.package_name }} import baseline, crossvalidate, dataset, evaluate, splits, tune


def test_crossvalidation_writes_both_and_their_difference(inside, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "LEDGER", tmp_path / "ledger.jsonl")
    cfg = settings("model=frozen", "folds=3", "model.epochs=1")
    crossvalidate.main(cfg)
    assert evaluate.LEDGER.read_text(encoding="utf-8").count("crossvalidate, frozen") == 1
    found = json.loads(Path("reports/crossvalidation-frozen.json").read_text(encoding="utf-8"))
    _, _, samples, schema = dataset.read()
    parts = splits.folds(samples, cfg.data.split, schema["task"], 3, cfg.seed)
    assert found["n"] == np.sum([part == "test" for part in parts])
    gap = found["network"]["value"] - found["baseline"]["value"]
    assert abs(found["difference"]["value"] - gap) < 2e-6


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("module", [tune, baseline])
@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "model=foo",
            "In 'config': Could not find 'model/foo' Available options in 'model': frozen network scratch;"
            " conf/ has every setting",
        ),
        ("model.epoch=3", "Could not override 'model.epoch'; conf/ has every setting"),
        ("seed=[", "seed=[: no viable alternative at input '['"),
        ("model.lr=${nope}", "model.lr: Interpolation key 'nope' not found"),
        ("bins=many", "bins=many: give a whole number, 1 or more"),
    ],
)
def test_a_setting_that_is_none_gets_one_line(inside, monkeypatch, module, word, message):
    monkeypatch.setattr(sys, "argv", [module.__name__, word])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")
    with pytest.raises(SystemExit) as stop:
        runpy.run_module(module.__name__, run_name="__main__")
    assert str(stop.value) == f"error: {message}"


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_a_mistake_in_the_code_keeps_its_traceback(inside, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["baseline"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")
    monkeypatch.setattr(dataset, "read", lambda: settings().model.epoch)
    with pytest.raises(SystemExit):
        runpy.run_module(baseline.__name__, run_name="__main__")
    assert "test_explore.py" in capfd.readouterr().err


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
