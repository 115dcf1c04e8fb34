"""Training resumes exactly, its checkpoints are safe, and exploring leaves the record alone."""

import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import ROOT, SMALL, settings

from {{ cookiecutter.package_name }} import (
    baseline,
    config,
    dataset,
    evaluate,
    export,
    leak,
    learner,
    train,
)

PACKAGE = "{{ cookiecutter.package_name }}"


@pytest.fixture(scope="module")
def seen(project):
    """Facts, encoded samples, labels and parts of the quick network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return train.seen(settings("model=frozen"))


@pytest.fixture
def few(seen, inside):
    return seen


def weights(path):
    return export.load(path).state_dict()


def test_checkpoint_loads_without_unpickling_code(inside):
    found = torch.load("models/best.ckpt", weights_only=True)
    assert found["hyper_parameters"]["cfg"] == dict(settings().model)


def killed(monkeypatch, epoch, *told, hook="on_validation_epoch_start"):
    """`fit`, cut off in an epoch: before its validation, or in `on_train_epoch_end`, after its checkpoint."""

    class Killed(Exception):
        pass

    def die(self):
        if self.current_epoch == epoch:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(learner.Learner, hook, die, raising=False)
        train.fit(*told)


def test_a_run_goes_on_from_its_last_epoch_even_if_that_was_no_better(few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = settings("model=frozen", "model.epochs=4", "model.lr=0")
    killed(monkeypatch, 3, cfg, *few, tmp_path / "out")
    [last] = tmp_path.glob("runs/training/*/last.ckpt")
    assert torch.load(last, weights_only=True)["epoch"] == 2


def test_a_run_resumed_elsewhere_equals_an_uninterrupted_run(inside, tmp_path, monkeypatch):
    cfg = settings("model.epochs=3")
    few = train.seen(cfg)
    train.fit(cfg, *few, tmp_path / "whole")

    killed(monkeypatch, 1, cfg, *few, tmp_path / "resumed")
    assert not (tmp_path / "resumed/best.ckpt").exists()
    shutil.move("runs/training", tmp_path / "runs/training")  # as to another machine
    monkeypatch.chdir(tmp_path)
    train.fit(cfg, *few, tmp_path / "resumed")
    whole, resumed = weights(tmp_path / "whole/best.ckpt"), weights(tmp_path / "resumed/best.ckpt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_half_a_checkpoint_is_not_gone_on_from(few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = settings("model=frozen", "model.epochs=2")
    killed(monkeypatch, 1, cfg, *few, tmp_path / "out")
    [last] = tmp_path.glob("runs/training/*/last.ckpt")
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    train.fit(cfg, *few, tmp_path / "out")
    assert (tmp_path / "out/best.ckpt").exists() and not last.parent.exists()


@pytest.mark.parametrize("hook", ["on_validation_epoch_start", "on_train_epoch_end"])
@pytest.mark.parametrize("keep", [True, False], ids=["goes on", "begins anew"])
def test_history_has_each_epoch_once_after_a_kill(few, tmp_path, monkeypatch, keep, hook):
    """Even where the kill came while files were written: they are opened, and empty."""
    monkeypatch.chdir(tmp_path)
    told = settings("model=frozen", "model.epochs=3"), *few
    train.fit(*told, tmp_path / "whole", ["dvclive", "csv"])
    killed(monkeypatch, 1, *told, tmp_path / "out", ["dvclive", "csv"], hook=hook)
    [history] = tmp_path.glob("runs/training/*/history")
    (history / "version_9").mkdir()
    for name in ("metrics.json", "params.yaml", "plots/metrics/train/none.tsv", "version_9/metrics.csv"):
        (history / name).write_text("")
    if not keep:
        next(tmp_path.glob("runs/training/*/last.ckpt")).unlink()
    train.fit(*told, tmp_path / "out", ["dvclive", "csv"])
    out, whole = tmp_path / "out/history", tmp_path / "whole/history"
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    for name in ("metrics.csv", "hparams.yaml", "plots/metrics/train/loss.tsv", "plots/metrics/val/loss.tsv"):
        assert (out / name).read_text() == (whole / name).read_text(), name


def test_another_seed_gives_other_weights(few, tmp_path):
    for seed in (0, 1):
        train.fit(settings("model=frozen", f"seed={seed}"), *few, tmp_path / str(seed))
    first, second = (weights(tmp_path / f"{seed}/best.ckpt") for seed in (0, 1))
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_run_is_named_by_settings_data_and_split(few):
    facts, _, y, part = few
    name = train.fingerprint(settings(), facts, y, part)
    assert name == train.fingerprint(settings(), facts, y, part)
    assert name != train.fingerprint(settings("model.lr=1"), facts, y, part)
    assert name != train.fingerprint(settings(), {**facts, "data": "other"}, y, part)
    assert name != train.fingerprint(settings(), facts, y + 1, part)
    assert name != train.fingerprint(settings(), facts, y, np.roll(part, 1))


def test_training_sees_nothing_of_the_test_part(few, tmp_path):
    _, z, y, part = few
    samples = dataset.read()[2]
    used = samples[settings().data.split].isin(["train", "val"]).to_numpy()
    assert set(part[used]) == {"train", "val"} and set(part[~used]) == {"-"}
    assert np.array_equal(y[used], samples.label[used]) and not y[~used].any()
    known = z.clone()
    known[~used] = torch.nan
    for name, seen in {"whole": z, "without": known}.items():
        train.fit(settings("model=frozen"), few[0], seen, y, part, tmp_path / name)
    whole, without = weights(tmp_path / "whole/best.ckpt"), weights(tmp_path / "without/best.ckpt")
    assert all(torch.equal(whole[name], without[name]) for name in whole)


def test_the_inputs_count_for_the_name(inside):
    x, y, samples, schema = dataset.read()
    part = samples[settings().data.split].to_numpy()
    assert train.learn(x, y, part, schema)["data"] != train.learn(x + 1, y, part, schema)["data"]
    assert train.learn(x, y, part, schema)["data"] != train.learn(x, y, part, {**schema, "a": 1})["data"]


def test_an_old_gpu_trains_in_half_precision_of_its_own_kind(monkeypatch):
    cfg = settings("trainer=gpu", "trainer.accelerator=auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train.trainer_settings(cfg)["precision"] == "bf16-mixed"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    assert train.trainer_settings(cfg)["precision"] == "16-mixed"


def test_the_trainer_can_be_named_from_outside(monkeypatch):
    for name, found in {"cpu": "cpu", "gpu": "gpu", "cluster": "auto"}.items():
        monkeypatch.setenv("TRAINER", name)
        assert config.compose("data=starter").trainer.accelerator == found


def test_the_network_knows_facts_of_the_training_part_alone(inside):
    x, y, samples, schema = dataset.read()
    part = samples[settings().data.split].to_numpy()
    other, others = np.array(x), y.copy()
    other[part != "train"], others[part != "train"] = 0, 0
    assert train.learn(other, others, part, schema) == train.learn(x, y, part, schema)


def test_history_is_kept_by_every_logger(few, tmp_path):
    train.fit(settings("model=frozen"), *few, tmp_path, ["dvclive", "csv"])
    assert (tmp_path / "history/metrics.csv").read_text(encoding="utf-8").count("\n") >= 3
    assert (tmp_path / "history/plots/metrics/val/loss.tsv").exists()


@pytest.mark.parametrize(
    "word",
    ["model.epochs=0", "model.batch=many", "bootstrap=0", "folds=1", "tune.trials=abc", "seed=4294967296"],
)
def test_a_count_that_is_none_is_refused_in_one_line(word):
    with pytest.raises(config.BadInput, match=f"^{word}: give a whole number, \\d or more, below 2\\^32$"):
        config.check(settings(word))


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("model.lr=-1", "give a number, 0 or more"),
        ("model.dropout=1", "give a number, 0 or more and below 1"),
        ("data.cost.miss=five", "give a number, 0 or more"),
        ("data.limit.of=positives", "choose of all, negatives"),
        ("data.limit=0.2", "give a block of names and values"),
        ("data.cost.ratios=5", r"write a list, data\.cost\.ratios=\[5\]"),
        ("data.split_seed=-1", r"give a whole number, 0 or more, below 2\^32"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_in_one_line(word, right):
    with pytest.raises(config.BadInput, match=f"^{word}: {right}$"):
        config.check(settings(f"++{word}"))


@pytest.mark.parametrize(
    "word", ["trainer.devices=0", "trainer.precision=8", "trainer.accelerator=abacus", "+trainer.gpus=1"]
)
def test_what_no_trainer_takes_is_refused_in_one_line(few, tmp_path, word):
    with pytest.raises(config.BadInput, match=r"^trainer: .+$"):
        train.fit(settings(word), *few, tmp_path)


def test_ten_steps_are_enough(few, tmp_path):
    rows = int((few[3] == "train").sum())
    loss = train.fit(settings("model=frozen", "model.epochs=5", f"model.batch={rows // 2}"), *few, tmp_path)
    assert np.isfinite(loss)


def test_a_training_that_diverges_says_so(few, inside, tmp_path, monkeypatch):
    cfg = settings("model=frozen", "model.lr=1e37", "model.weight_decay=0")
    shutil.copytree("data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"error: model\.lr=1e\+37: the training diverged"):
        train.main(cfg)
    assert not list((tmp_path / "models").iterdir()) and not list(tmp_path.rglob("*.ckpt"))
    monkeypatch.chdir(inside)
    facts, z, y, part = few
    monkeypatch.setattr(learner, "answer", lambda network, z: torch.full((len(z),), torch.nan))
    with pytest.raises(config.BadInput, match="the training diverged"):
        leak.predict(settings("model=frozen"), facts, z, y, part, tmp_path, np.flatnonzero(part == "val"))


def test_a_checkpoint_is_whole_or_not_there(few, inside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def half(checkpoint, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train.fit(settings("model=frozen"), *few, tmp_path)
    assert not list(tmp_path.rglob("*.ckpt")) and list(tmp_path.rglob("*.ckpt.new"))


def test_text_for_a_number_is_refused_in_one_line(inside):
    with pytest.raises(config.BadInput, match=r"model\.lr=abc: give a number"):
        train.seen(settings("model.lr=abc"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data=starter", "data.split=by-hand"], "data/prepared: damaged, or without by-hand; make it anew"),
        (["data=starter", "logger=csv"], r"logger=csv: write a list, logger=\[csv\]"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(inside, words, message):
    with pytest.raises(config.BadInput, match=message):
        train.seen(config.compose(*words))


@pytest.mark.parametrize("stage", [baseline, evaluate, train])
def test_no_stage_takes_the_starters_data_for_own(inside, stage):
    with pytest.raises(SystemExit, match=r"^error: data=own: nothing is prepared yet"):
        stage.main(config.compose("data=own"))


def test_a_folder_of_the_project_is_no_place_to_run_a_stage(monkeypatch):
    monkeypatch.chdir(ROOT / "src")
    with pytest.raises(SystemExit, match=r"^error: run this in the project's folder: cd "):
        train.main(config.compose())


def test_data_that_is_not_there_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(config.BadInput, match="data/prepared: missing; make it with `uv run dvc repro`"):
        train.seen(settings())


def test_unknown_logger_is_refused_in_one_line(inside):
    with pytest.raises(SystemExit, match="logger carrier-pigeon: choose of"):
        train.main(settings("model=frozen", "logger=[carrier-pigeon]"))


def test_git_without_a_commit_gets_one_line(tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(config.BadInput, match="needs a first commit"):
        patch.chdir(tmp_path)
        train.make_logger("dvclive", tmp_path)


@pytest.mark.slow
def test_killed_process_goes_on_from_its_last_epoch(project, tmp_path):
    shutil.copytree(project / "data", tmp_path / "data")
    overrides = [*SMALL, "model=frozen", "model.epochs=100"]
    command = [sys.executable, "-m", f"{PACKAGE}.train", *overrides]
    process = subprocess.Popen(command, cwd=tmp_path)
    while not list(tmp_path.glob("runs/training/*/last.ckpt")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    assert not (tmp_path / "models/best.ckpt").exists()
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "models/best.ckpt").exists()
    assert not list(tmp_path.glob("runs/training/*"))


@pytest.mark.slow
def test_multirun_explores_under_runs_only(project, tmp_path):
    shutil.copytree(project / "data", tmp_path / "data")
    overrides = [*SMALL, "model=frozen", "seed=0,1"]
    subprocess.run([sys.executable, "-m", f"{PACKAGE}.train", "-m", *overrides], cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob("runs/*/*/best.ckpt"))) == 2
    assert not (tmp_path / "models").exists()
