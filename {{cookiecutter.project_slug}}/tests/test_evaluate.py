"""The look at the test set: fair to the baselines, blind until then, and written down."""

import json
import shutil

import numpy as np
import pytest
from conftest import settings

from {{ cookiecutter.package_name }} import baseline, dataset, evaluate, report, scores


@pytest.fixture
def apart(inside, tmp_path, monkeypatch):
    """The project, with what `evaluate` writes going elsewhere."""
    for name in ("METRICS", "LEDGER", "PREDICTIONS"):
        path = getattr(evaluate, name)
        monkeypatch.setattr(evaluate, name, tmp_path / path.name)
    return tmp_path


def test_metrics_hold_what_readers_are_promised(inside):
    metrics = json.loads(evaluate.METRICS.read_text(encoding="utf-8"))
    for name in ("test", "baseline", "trivial", "difference"):
        assert list(metrics[name]) == list(scores.METRICS[metrics["task"]])
        for metric in metrics[name].values():
            assert metric["low"] <= metric["high"]
            assert set(metric) == {"value", "low", "high"}
    names = baseline.names(settings(), metrics["task"])
    assert list(metrics["baselines"]) == names and list(metrics["differences"]) == [*names, "trivial"]
    others = {**metrics["baselines"], "trivial": metrics["trivial"]}
    assert metrics["difference"] == metrics["differences"][metrics["baseline_name"]]
    for name, difference in metrics["differences"].items():
        for key, metric in difference.items():
            gap = metrics["test"][key]["value"] - others[name][key]["value"]
            assert metric["value"] == pytest.approx(gap, abs=2e-6)
    assert set(metrics["leak"]) == set(settings().data.splits)


def test_what_was_made_of_other_data_is_refused(inside, tmp_path, monkeypatch):
    other = shutil.copytree(dataset.FOLDER, tmp_path / "prepared")
    schema = json.loads((other / "schema.json").read_text(encoding="utf-8"))
    (other / "schema.json").write_text(json.dumps({**schema, "data": "other"}), encoding="utf-8")
    monkeypatch.setattr(dataset, "FOLDER", other)
    for stage, what in ((evaluate, "models/model.onnx"), (report, "reports/metrics.json")):
        with pytest.raises(SystemExit, match=f"^error: {what}: of other data than .*; make it anew"):
            stage.main(settings())


def test_the_trivial_answer_is_the_best_constant_of_the_training_part(inside):
    _, y, samples, schema = dataset.read()
    part, task = samples[settings().data.split], schema["task"]
    found = evaluate.answers(dataset.read()[0], y, part, settings(), task)
    seen = y[part == "train"]
    best = np.median(seen) if task == "regression" else seen.mean()
    assert np.allclose(found.trivial, best)


def test_choices_do_not_depend_on_test_labels(apart, inside, monkeypatch):
    before = json.loads((inside / "reports/metrics.json").read_text(encoding="utf-8"))
    read = dataset.read

    def flipped():
        x, y, samples, schema = read()
        test = samples[settings().data.split] == "test"
        samples.loc[test, "label"] = samples.label.max() - samples.label[test]
        y = samples.label.to_numpy(y.dtype)
        return x, y, samples, schema

    monkeypatch.setattr(dataset, "read", flipped)
    evaluate.main(settings())
    after = json.loads(evaluate.METRICS.read_text(encoding="utf-8"))
    for name in ("threshold", "baseline_name"):
        assert after[name] == before[name]
    assert after["test"] != before["test"]


def test_each_look_at_the_test_set_is_written_down(apart, monkeypatch):
    evaluate.look(settings(), "one", "models/model.onnx", 0.5)
    before, counted = evaluate.LEDGER.read_text(encoding="utf-8").splitlines(), evaluate.looks(settings())
    evaluate.look(settings(), "another", "models/model.onnx", 0.5)
    monkeypatch.setattr(evaluate.shutil, "which", lambda name: None)
    evaluate.look(settings(f"data.sha256={'0' * 64}"), "other data", "models/model.onnx", 0.5)
    after = evaluate.LEDGER.read_text(encoding="utf-8").splitlines()
    assert after[:-2] == before
    assert json.loads(after[-2])["stage"] == "another"
    assert json.loads(after[-1])["commit"] is None  # without git
    assert evaluate.looks(settings()) == counted + 1


def test_the_pipeline_has_written_down_its_looks(inside):
    stages = [json.loads(line)["stage"] for line in evaluate.LEDGER.read_text(encoding="utf-8").splitlines()]
    assert stages == [*(f"leak, {split} split" for split in settings().data.splits), "evaluate"]
