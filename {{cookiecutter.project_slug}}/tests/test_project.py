"""The pipeline: dependencies of stages, use of the splits, numbers on pages, resuming."""

import ast
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, settings

from {{ cookiecutter.package_name }} import data, evaluate, train


def imported_modules(module: str) -> set[str]:
    """The module and every module of the package that it imports, directly or not."""
    modules = {module}
    path = ROOT / f"src/{{ cookiecutter.package_name }}/{module}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                modules |= imported_modules(name)
    return modules


def test_every_stage_depends_on_the_modules_it_imports():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        module = stage["cmd"].split()[2].split(".")[-1]
        listed = {Path(dep).stem for dep in stage["deps"] if dep.endswith(".py")}
        assert listed == imported_modules(module), name


def test_metrics_hold_all_models_with_intervals(inside):
    metrics = json.loads(Path("reports/metrics.json").read_text())
    baselines = list(settings().data.baselines)
    assert list(metrics["results"]) == ["network", *baselines, "constant"]
    assert list(metrics["differences"]) == [*baselines, "constant"]
    assert metrics["baseline_name"] in baselines
    for results in metrics["results"].values():
        assert next(iter(results)) == next(iter(evaluate.TABLE))  # it ranks the models
        assert set(results) <= set(evaluate.TABLE)
        assert not any(metric["low"] > metric["high"] for metric in results.values())


def test_thresholds_and_training_never_use_the_test_set(inside, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(inside, tmp_path / "copy"))
    cfg, samples, reports, weights = settings(), data.load_prepared()[1], [], []
    is_test = (samples[cfg.data.split] == "test").to_numpy()
    for stages in ((), (train, evaluate)):  # as the project was, then with wrong test rows
        for stage in stages:
            stage.main(cfg)
        reports.append(json.loads(Path("reports/metrics.json").read_text()))
        weights.append(torch.load("models/best.ckpt", weights_only=True)["state_dict"])
        samples.loc[is_test, "label"] = samples.label.max() - samples.label[is_test]
        samples.to_parquet("data/prepared/samples.parquet")
        for path in Path("data/prepared").glob("*.npy"):
            np.load(path, mmap_mode="r+")[is_test] = 0
    torch.testing.assert_close(*weights, rtol=0, atol=0)
    assert all(reports[0][key] == reports[1][key] for key in ("threshold", "baseline_name"))
    assert reports[0]["results"] != reports[1]["results"]


def test_every_evaluation_is_recorded(inside):
    ledger = Path("reports/test_ledger.jsonl")
    before = ledger.read_text()
    evaluate.main(settings())
    assert json.loads(ledger.read_text().removeprefix(before))["stage"] == "evaluate"  # one line


def test_readme_and_results_show_the_measured_numbers(inside):
    metrics = json.loads(Path("reports/metrics.json").read_text())
    key, metric = next(iter(evaluate.TABLE.items()))
    pages = Path("README.md").read_text() + Path("docs/results.md").read_text()
    for results in metrics["results"].values():
        assert format(results[key]["value"], metric.format or ",.1f") in pages
    assert not re.search(r"appear here after|\[\[|\[%|nan", pages)


def test_site_builds_without_a_warning(site):
    for name in ("index.html", "demo/app.js", "demo/model.onnx", "style.css"):
        assert (site / name).exists(), name


def test_results_of_other_data_are_refused(inside, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(inside, tmp_path / "copy"))
    path = Path("data/prepared/schema.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "data": "other"}))
    with pytest.raises(SystemExit, match=r"^error: .*dvc repro"):
        evaluate.main(settings())


def test_an_interrupted_training_run_resumes_to_the_same_weights(inside, tmp_path, capsys):
    def kill(module) -> None:
        if module.current_epoch == 1:
            raise SystemExit  # as if the process were killed

    cfg, samples = settings("model.epochs=3", "seed=7"), data.load_prepared()[1]
    split = samples[cfg.data.split].to_numpy()
    train.fit(cfg, split, tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(train.L.LightningModule, "on_train_epoch_start", kill)
        train.fit(cfg, split, tmp_path / "resumed")
    train.fit(cfg, split, tmp_path / "resumed")
    assert "resuming" in capsys.readouterr().out
    weights, losses = [], []
    for name in ("whole", "resumed"):
        weights.append(torch.load(tmp_path / name / "best.ckpt", weights_only=True)["state_dict"])
        losses.append((tmp_path / name / "history/metrics.csv").read_text())
    assert losses[0] == losses[1]  # of every epoch, also if the best one was before the kill
    torch.testing.assert_close(*weights, rtol=0, atol=0)
