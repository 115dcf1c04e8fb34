"""The pipeline keeps its promises: stages, numbers, pages."""

import ast
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, settings

from {{ cookiecutter.package_name }} import data, evaluate, train

PACKAGE = ROOT / "src/{{ cookiecutter.package_name }}"


def imported_modules(module: str) -> set[str]:
    """The module and every module of the package that it imports, directly or not."""
    modules, queue = set(), [module]
    while queue:
        name = queue.pop()
        modules.add(name)
        for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                queue += [n for n in names if n not in modules]
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
        for metric in results.values():
            assert not metric["low"] > metric["high"]


def test_thresholds_and_training_never_use_the_test_set(inside):
    predictions = pd.read_parquet("models/predictions.parquet")
    split = settings().data.split
    assert set(predictions[split]) == {"test"}
    assert predictions.network.notna().all()


def test_every_evaluation_is_recorded(inside):
    ledger = Path("reports/test_ledger.jsonl")
    before = ledger.read_text().splitlines()
    evaluate.main(settings())
    lines = ledger.read_text().splitlines()
    assert lines[:-1] == before
    assert json.loads(lines[-1])["stage"] == "evaluate"


def test_readme_and_results_show_the_measured_numbers(inside):
    metrics = json.loads(Path("reports/metrics.json").read_text())
    key, metric = next(iter(evaluate.TABLE.items()))
    readme, results = Path("README.md").read_text(), Path("docs/results.md").read_text()
    for model in metrics["results"]:
        value = metrics["results"][model][key]["value"]
        assert format(value, metric.format or ",.1f") in readme + results
    assert "appear here after" not in readme
    assert not re.search(r"\[\[|\[%|nan", readme + results)


def test_site_builds_without_a_warning(site):
    for name in ("index.html", "demo/app.js", "demo/model.onnx", "style.css"):
        assert (site / name).exists(), name


def test_results_of_other_data_are_refused(inside):
    report = json.loads(Path("data/prepared/schema.json").read_text())
    Path("data/prepared/schema.json").write_text(json.dumps({**report, "data": "other"}))
    try:
        with pytest.raises(SystemExit, match=r"^error: .*dvc repro"):
            evaluate.main(settings())
    finally:
        Path("data/prepared/schema.json").write_text(json.dumps(report))


def test_an_interrupted_training_resumes_to_the_same_weights(inside, tmp_path, capsys):
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
        checkpoint = torch.load(tmp_path / name / "best.ckpt", weights_only=True)
        weights.append(checkpoint["state_dict"])
        losses.append((tmp_path / name / "history/metrics.csv").read_text())
    assert losses[0] == losses[1]  # of every epoch, also if the best one was before the kill
    torch.testing.assert_close(*weights, rtol=0, atol=0)
