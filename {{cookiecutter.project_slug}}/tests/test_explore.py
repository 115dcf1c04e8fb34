"""Cross-validation and search: honest folds, and a study that goes on where it stopped."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest
from conftest import ROOT, SMALL, settings
from omegaconf import DictConfig

from {{ cookiecutter.package_name }} import (
    baseline,
    config,
    crossvalidate,
    dataset,
    evaluate,
    predict,
    report,
    splits,
    train,
    tune,
)


def test_crossvalidation_writes_both_and_their_difference(inside, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "LEDGER", tmp_path / "ledger.jsonl")
    cfg = settings("model=frozen", "folds=3", "model.epochs=1")
    crossvalidate.main(cfg)
    assert evaluate.LEDGER.read_text(encoding="utf-8").count("crossvalidate, frozen") == 1
    found = json.loads(Path("reports/crossvalidation-frozen.json").read_text(encoding="utf-8"))
    _, _, samples, schema = dataset.read()
    parts = splits.folds(samples, cfg.data, schema["task"], 3, cfg.seed)
    assert found["n"] == np.sum([part == "test" for part in parts])
    gap = found["network"]["value"] - found["baseline"]["value"]
    assert abs(found["difference"]["value"] - gap) < 2e-6
    metrics = predict.metrics()
    assert report.crossvalidated("AUC", "", metrics).startswith("Cross-validation, 3 folds, ")
    assert report.crossvalidated("AUC", "", {**metrics, "data": "other"}) == ""


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
        ("seed", "seed: write NAME=VALUE, as in seed=1"),
        ("model.lr=${nope}", "model.lr: Interpolation key 'nope' not found"),
        ("bins=many", "bins=many: give a whole number, 1 or more, below 2^32"),
    ],
)
def test_a_setting_that_is_none_gets_one_line(inside, monkeypatch, module, word, message):
    monkeypatch.setattr(sys, "argv", [module.__name__, word])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")
    with pytest.raises(SystemExit) as stop:
        runpy.run_module(module.__name__, run_name="__main__")
    assert str(stop.value) == f"error: {message}"


def test_settings_that_are_not_utf8_get_one_line(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    with (tmp_path / "conf/config.yaml").open("ab") as file:
        file.write("# Größe\n".encode("latin-1"))
    monkeypatch.setattr(config, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(config.BadInput, match=r"^conf.config\.yaml: not UTF-8; save it as UTF-8$"):
        config.compose()


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


def test_a_search_in_which_all_diverge_says_so(inside, tmp_path, monkeypatch):
    def diverge(cfg: DictConfig, *rest: object) -> float:
        raise train.Diverged(cfg)

    shutil.copytree("data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "fit", diverge)
    with pytest.raises(config.BadInput, match=r"^no trial of 2 ended well; give tune\.search lower"):
        tune.main([*SMALL, "model=frozen", "tune.trials=2"])


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("{seed:[1,9]}", r"tune\.search: seed: give settings of model"),
        ("3", r"tune\.search=3: give a block of names and values"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_before_it_begins(inside, search, message):
    with pytest.raises(config.BadInput, match=message):
        tune.main([*SMALL, "model=frozen", "~tune.search", f"+tune.search={search}"])


@pytest.mark.parametrize("bounds", [[1, "many"], [9, 2], [9], 9])
def test_bounds_that_make_no_sense_are_refused(bounds):
    trial = optuna.create_study().ask()
    with pytest.raises(config.BadInput, match=r"tune\.search: model\.width=.*: give \[low, high\], or"):
        tune.suggest(trial, {"model.width": bounds})


def test_a_search_encodes_anew_where_a_setting_decides_what_is_computed_once(inside, monkeypatch):
    seen, shown = train.seen, []
    monkeypatch.setattr(train, "seen", lambda cfg: shown.append(cfg.model.get("size")) or seen(cfg))
    monkeypatch.setattr(train, "fit", lambda cfg, *rest: float(cfg.model.size))
    monkeypatch.setattr(tune.shutil, "rmtree", lambda path: None)
    compose = config.compose

    def composed(*words: str) -> DictConfig:
        cfg = compose(*words)
        cfg.tune.search = {"model.size": [64, 96]}
        return cfg

    monkeypatch.setattr(config, "compose", composed)
    tune.main([*SMALL, "model=frozen", "++model.size=64", "tune.trials=2"])
    assert len(shown) == 3  # before the search and for each trial


def test_a_search_proposes_whole_numbers_for_counts():
    trial = optuna.create_study().ask()
    found = tune.suggest(trial, {"model.width": [8, 8], "model.lr": [0.5, 0.5]})
    assert found == {"model.width": 8, "model.lr": 0.5}
    assert isinstance(trial.params["model.width"], int)
