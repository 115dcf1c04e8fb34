"""Training resumes exactly, processes share samples, checkpoints are whole and not unpickled."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

import pytorch_lightning as pl  # noqa: E402
from heldout import InputError  # noqa: E402
from heldout import torch as training  # noqa: E402
from heldout.torch import (  # noqa: E402
    DivergedError,
    Ensemble,
    FrozenFeatures,
    TensorLoader,
    TrainingRun,
    fingerprint,
)
from omegaconf import OmegaConf  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
CPU = {"accelerator": "cpu", "devices": 1, "precision": "32-true", "compile": False}


class ToyData(pl.LightningDataModule):
    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(7)
        self.x = torch.randn(50, 6, generator=generator)
        self.y = (self.x.sum(1) > 0).float()

    def train_dataloader(self) -> TensorLoader:
        return TensorLoader(self.x, self.y, np.arange(40), 8, shuffle=True, seed=3)

    def val_dataloader(self) -> TensorLoader:
        return TensorLoader(self.x, self.y, np.arange(40, 50), 8)


class Toy(pl.LightningModule):
    """Dropout makes the weights depend on the random numbers of each step."""

    def __init__(self, lr: float = 0.05) -> None:
        super().__init__()
        self.save_hyperparameters()
        layers = [torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5)]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(8, 1))

    def loss(self, batch) -> torch.Tensor:
        x, y = batch
        return torch.nn.functional.binary_cross_entropy_with_logits(self.layers(x).squeeze(1), y)

    def training_step(self, batch, _):
        self.total = self.loss(batch)
        return self.total

    def validation_step(self, batch, _):
        self.log("val/loss", self.loss(batch))

    def on_validation_epoch_end(self):
        self.log("train/loss", self.total.detach())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max(1e-9, self.hparams.lr), total_steps=steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def train(out: Path, *, epochs: int = 5, seed: int = 0, lr: float = 0.05, loggers=(), **settings) -> float:
    pl.seed_everything(seed, verbose=False)
    module = Toy(lr)
    run = TrainingRun(key=[lr, epochs], seed=seed, loggers=loggers, hyperparameters={"lr": lr})
    trainer = pl.Trainer(**run.trainer_kwargs({**CPU, **settings}, max_epochs=epochs))
    run.fit(trainer, module, ToyData())
    return run.finish(trainer, out)


def killed(patch: pytest.MonkeyPatch, epoch: int, hook: str, out: Path, **settings) -> Path:
    """A training that dies in `hook` of an epoch; returns its last checkpoint."""

    class Killed(Exception):
        pass

    def die(self, *_):
        if self.current_epoch == epoch:
            raise Killed

    with patch.context() as context, pytest.raises(Killed):
        context.setattr(Toy, hook, die)
        train(out, **settings)
    [last] = Path().glob("runs/training/*/last.ckpt")
    return last


def weights(folder: Path) -> dict:
    return torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]


def equal(one: Path, two: Path) -> bool:
    first, second = weights(one), weights(two)
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_of(loader: TensorLoader) -> list[int]:
    return torch.cat([y for _, y in loader]).int().tolist()


def test_without_shuffle_batches_equal_plain_indexing():
    x, y, rows = torch.randn(20, 3, 2), torch.arange(20.0), np.array([7, 2, 5, 19, 0])
    loader = TensorLoader(x.numpy(), y, rows, 2)
    batches = list(loader)
    assert [len(labels) for _, labels in batches] == [2, 2, 1] and len(loader) == 3
    assert torch.equal(torch.cat([features for features, _ in batches]), x[rows])
    assert torch.equal(torch.cat([labels for _, labels in batches]), y[rows])


def test_shuffled_rows_come_once_and_seed_and_epoch_decide_their_order():
    x = torch.arange(60).reshape(20, 3)
    loader = TensorLoader(x, torch.arange(20), np.arange(4, 18), 4, shuffle=True, seed=1)
    features, labels = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert torch.equal(features, x[labels]) and len(loader) == 3
    assert len({*labels.tolist()}) == 12 and {*labels.tolist()} <= {*range(4, 18)}
    first = rows_of(loader)
    loader.sampler.set_epoch(1)
    second = rows_of(loader)
    loader.set_epoch(0)
    assert rows_of(loader) == first != second
    assert len(TensorLoader(x, torch.arange(20), [3, 4], 64, shuffle=True)) == 1  # fewer than a batch


def test_mapped_arrays_are_not_read_before_they_are_used():
    np.save("x.npy", np.arange(12, dtype=np.float32).reshape(6, 2))
    x = np.load("x.npy", mmap_mode="r")
    loader = TensorLoader(x, np.arange(6), np.array([5, 1]), 8)
    assert np.shares_memory(loader.x.numpy(), x)
    assert next(iter(loader))[0].tolist() == [[10, 11], [2, 3]]


def test_samples_stay_on_a_gpu_that_has_room_for_them_twice(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    cuda = torch.device("cuda")
    assert training.fits(499, cuda) and not training.fits(500, cuda)
    assert not training.fits(1, torch.device("cpu"))


class Doubled(torch.nn.Module):
    calls = 0

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += len(x)
        return torch.stack([x, -x], dim=1)


@pytest.mark.parametrize("in_memory", [0, training.IN_MEMORY])
def test_frozen_features_are_computed_once_in_their_order(in_memory, inside, monkeypatch):
    monkeypatch.setattr(training, "IN_MEMORY", in_memory)
    x, network = np.arange(10, dtype=np.float32).reshape(5, 2), Doubled()
    frozen = FrozenFeatures(network, x)
    features = frozen.compute([0, 1, 4])
    assert torch.equal(features[[0, 1, 4]].float(), torch.from_numpy(np.stack([x, -x], 1))[[0, 1, 4]])
    assert features.shape == (5, 2, 2) and not features[2:4].any() and network.calls == 3
    assert frozen.compute(np.arange(5))[3, 1].tolist() == [-6, -7] and network.calls == 5
    assert frozen.compute(np.arange(5)).dtype == torch.float16 and network.calls == 5
    assert [path for path in inside.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("hook", ["on_validation_epoch_start", "on_train_epoch_end"])
def test_a_resumed_training_equals_an_uninterrupted_one(inside, monkeypatch, capsys, hook):
    """Killed in the middle of an epoch or at its end, and resumed in another folder."""
    whole = train(inside / "whole", loggers=["csv"])
    killed(monkeypatch, 2, hook, inside / "resumed", loggers=["csv"])
    assert not (inside / "resumed/best.ckpt").exists()
    (inside / "elsewhere").mkdir()
    Path("runs").rename("elsewhere/runs")
    monkeypatch.chdir(inside / "elsewhere")
    assert train(inside / "resumed", loggers=["csv"]) == whole
    assert "resuming" in capsys.readouterr().out
    assert equal(inside / "whole", inside / "resumed") and not list(Path().rglob("*.ckpt"))


def test_the_last_checkpoint_of_a_resumed_training_is_the_same(inside, monkeypatch):
    """Not only the best epoch: all weights, the optimizer and the schedule at the end."""
    states = []

    def collect(self):
        states.append([weight.clone() for weight in self.parameters()])

    monkeypatch.setattr(Toy, "on_train_end", collect)
    train(inside / "whole")
    killed(monkeypatch, 3, "on_validation_epoch_start", inside / "resumed")
    train(inside / "resumed")
    whole, resumed = states[0], states[-1]
    assert all(map(torch.equal, whole, resumed))


def test_the_best_epoch_may_lie_before_the_kill(inside, monkeypatch):
    """The score and the file of the best epoch move to another folder with the run."""
    worse = lambda self, batch, _: self.log("val/loss", 1.0 + self.current_epoch)  # noqa: E731
    monkeypatch.setattr(Toy, "validation_step", worse)
    killed(monkeypatch, 2, "on_validation_epoch_start", inside / "out")
    (inside / "elsewhere").mkdir()
    Path("runs").rename("elsewhere/runs")
    monkeypatch.chdir(inside / "elsewhere")
    assert train(inside / "out") == 1
    assert torch.load(inside / "out/best.ckpt", weights_only=True)["epoch"] == 0


def test_half_a_checkpoint_is_not_resumed(inside, monkeypatch, capsys):
    last = killed(monkeypatch, 2, "on_validation_epoch_start", inside / "out")
    assert torch.load(last, weights_only=True)["epoch"] == 1  # no better epoch is needed
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    train(inside / "out")
    assert "resuming" not in capsys.readouterr().out and not last.parent.exists()
    train(inside / "whole")
    assert equal(inside / "whole", inside / "out")


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("hook", ["on_validation_epoch_start", "on_train_epoch_end"])
def test_history_has_each_epoch_once_after_a_kill(inside, monkeypatch, hook, resumed):
    """Files that were opened, and still empty, when the kill came are left out."""
    loggers = ["dvclive", "csv"]
    train(inside / "whole", epochs=3, loggers=loggers)
    last = killed(monkeypatch, 1, hook, inside / "out", epochs=3, loggers=loggers)
    (last.parent / "history/version_9").mkdir()
    names = ("metrics.json", "plots/metrics/train/none.tsv", "version_9/metrics.csv")
    for name in names:
        (last.parent / "history" / name).write_text("")
    if not resumed:
        last.unlink()
    train(inside / "out", epochs=3, loggers=loggers)
    out, whole = inside / "out/history", inside / "whole/history"
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in whole.iterdir())
    for name in ("metrics.csv", "plots/metrics/val/loss.tsv"):
        assert (out / name).read_text() == (whole / name).read_text(), name
    assert len(pd.read_csv(out / "metrics.csv")) == 3


def test_a_checkpoint_is_whole_or_not_there(inside, monkeypatch):
    def half(checkpoint, path):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        train(inside / "out")
    assert not list(inside.rglob("*.ckpt")) and list(inside.rglob("*.ckpt.new"))


def test_nothing_in_a_checkpoint_is_executed(inside, monkeypatch):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch executed",)

    last = killed(monkeypatch, 1, "on_validation_epoch_start", inside / "out")
    torch.save({**torch.load(last, weights_only=True), "evil": Evil()}, last)
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        train(inside / "out")
    assert not Path("executed").exists()


def test_another_seed_gives_other_weights(inside):
    for seed in (0, 1):
        train(inside / str(seed), seed=seed)
    assert not equal(inside / "0", inside / "1")


def test_a_training_that_diverges_says_so_and_leaves_nothing(inside):
    with pytest.raises(DivergedError, match=r"^model\.lr=1e\+38: the training diverged; use a small"):
        train(inside / "out", lr=1e38)
    assert not (inside / "out").exists() and not list(inside.rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 0}, r"^trainer: .+$"),
        ({"precision": 8}, r"^trainer: .+$"),
        ({"accelerator": "abacus"}, r"^trainer: .+$"),
        ({"gpus": 1}, r"^trainer: .+$"),
        ({"loggers": ["pigeon"]}, r"^logger pigeon: choose from dvclive, csv, "),
    ],
)
def test_settings_that_no_trainer_takes_get_one_line(inside, settings, message):
    with pytest.raises(InputError, match=message):
        train(inside / "out", **settings)
    assert not list(inside.iterdir())


def test_gpu_settings_follow_the_machine(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"^trainer=gpu: there is no GPU here; use trainer=cpu$"):
        training.trainer_settings({"accelerator": "gpu"})
    settings = {"accelerator": "auto", "precision": "bf16-mixed", "compile": True}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for supported, precision in ((True, "bf16-mixed"), (False, "16-mixed")):
        answer = {"including_emulation": supported}
        monkeypatch.setattr(
            torch.cuda,
            "is_bf16_supported",
            lambda answer=answer, **_: answer["including_emulation"],
        )
        assert training.trainer_settings(settings) == {
            "accelerator": "auto",
            "precision": precision,
        }


def test_dvclive_needs_a_first_commit(inside):
    subprocess.run(["git", "init", "--quiet"], check=True)
    with pytest.raises(InputError, match="first commit"):
        training.make_logger("dvclive", inside)


def test_the_fingerprint_is_that_of_all_parts(inside):
    Path("a.py").write_text("1")
    names = np.array(["train", "val"], object)
    parts = [{"lr": 0.1, "size": [1, 2]}, np.arange(3), names, Path("a.py"), "a.py", None]
    first = fingerprint(*parts)
    hashes = [fingerprint(*parts[:-1]), fingerprint(*parts[::-1])]
    others = [{"lr": 0.1, "size": [1, 3]}, np.arange(3.0), np.array(["trainv", "al"], object)]
    for i, other in enumerate(others):
        hashes.append(fingerprint(*parts[:i], other, *parts[i + 1 :]))
    copies = [{"size": [1, 2], "lr": 0.1}, np.arange(4)[:3], names.copy()]
    assert fingerprint(*copies, *parts[3:]) == first and len(first) == 16
    Path("a.py").write_text("2")
    hashes.append(fingerprint(*parts))
    assert len({first, *hashes}) == 7
    settings = OmegaConf.create({"lr": 0.1, "rate": "${lr}"})
    assert fingerprint(settings) == fingerprint({"lr": 0.1, "rate": 0.1})


def test_the_fingerprint_is_the_same_in_another_process(inside):
    code = "import numpy as np; from heldout.torch import fingerprint; "
    code += "print(fingerprint({'b': [1, 2.5], 'a': None}, np.array(['train', 'val'], object), 'x'))"
    environments = [os.environ | {"PYTHONHASHSEED": seed} for seed in ("1", "2")]
    lines = [subprocess.check_output([sys.executable, "-c", code], env=env) for env in environments]
    assert lines[0] == lines[1]


RANK = """
import json, sys
from pathlib import Path
import pytorch_lightning as pl, torch
from heldout.torch import TensorLoader, TrainingRun

drawn = []

class Shared(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, _):
        x, y = batch
        mask = torch.nn.functional.dropout(torch.ones(64), 0.5)
        drawn.append([self.current_epoch, y.int().tolist(), mask.tolist()])
        return self.layer(x).square().mean()
    def validation_step(self, batch, _):
        self.log("val/loss", self.layer(batch[0]).square().mean(), sync_dist=True)
    def train_dataloader(self):
        return TensorLoader(torch.ones(21, 1), torch.arange(21), range(21), 8, shuffle=True)
    def val_dataloader(self):
        return TensorLoader(torch.ones(3, 1), torch.arange(3), range(3), 8)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

pl.seed_everything(0)
run = TrainingRun(key=[1], seed=0)
settings = {"accelerator": "cpu", "devices": 2, "strategy": "ddp", "precision": "32-true"}
trainer = pl.Trainer(**run.trainer_kwargs(settings, max_epochs=2))
run.fit(trainer, Shared(), None)
run.finish(trainer, Path("out"))
Path(f"rank{trainer.global_rank}.json").write_text(json.dumps(drawn))
"""


def test_two_processes_share_each_epoch_and_draw_their_own_dropout(inside):
    Path("script.py").write_text(RANK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(2):
        variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
        variables |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}
        variables |= {"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
        processes.append(subprocess.Popen([sys.executable, "script.py"], env=os.environ | variables))
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    first, second = (json.loads(Path(f"rank{rank}.json").read_text()) for rank in range(2))
    assert len(first) == len(second) == 2 * 2  # 21 rows are two steps of 8
    for epoch in range(2):
        shares = [[row for e, rows, _ in steps if e == epoch for row in rows] for steps in (first, second)]
        order = torch.randperm(21, generator=torch.Generator().manual_seed(1000 * epoch)).tolist()
        assert shares == [order[0:16:2], order[1:16:2]]
    masks = [tuple(mask) for _, _, mask in first + second]
    assert len({*masks}) == len(masks)
    assert (inside / "out/best.ckpt").exists() and not list(inside.glob("runs/training/*"))


def test_few_rows_make_smaller_batches_so_that_an_epoch_has_enough_steps():
    x, y = torch.zeros(360, 1), torch.zeros(360)
    for n, batch_size, steps in ((360, 22, 16), (40, 8, 5), (5, 5, 1)):
        loader = TensorLoader(x, y, np.arange(n), 192, shuffle=True, min_steps=16)
        assert (loader.batch_size, len(loader)) == (batch_size, steps)
    assert TensorLoader(x, y, np.arange(360), 192, shuffle=True).batch_size == 192


def test_each_member_of_an_ensemble_trains_on_its_own_part_of_a_batch():
    parts = []

    def loss(member: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        parts.append((member, x.flatten().tolist(), y.tolist()))
        return member(x).mean() + y.sum()

    ensemble = Ensemble([torch.nn.Linear(1, 1) for _ in range(3)])
    x, y = torch.arange(7.0)[:, None], torch.arange(7.0)
    total = ensemble.loss(loss, x, y)
    assert [member for member, _, _ in parts] == list(ensemble)
    assert [rows for _, rows, _ in parts] == [labels for _, _, labels in parts] == [[0, 1, 2], [3, 4], [5, 6]]
    expected = [member(torch.tensor(rows)[:, None]).mean() + sum(rows) for member, rows, _ in parts]
    assert total.item() == pytest.approx(torch.stack(expected).mean().item())
    assert ensemble(x).shape == (7, 3, 1)


def test_a_batch_smaller_than_the_ensemble_is_refused_and_every_member_is_compiled(monkeypatch):
    ensemble = Ensemble([torch.nn.Linear(1, 1) for _ in range(3)])
    with pytest.raises(InputError, match="2 samples for 3 members"):
        ensemble.loss(lambda member, x: member(x).mean(), torch.zeros(2, 1))
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(self))
    ensemble.compile()
    assert compiled == list(ensemble)


def test_each_of_many_processes_gets_enough_samples_for_an_ensemble(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 0)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 40)
    loader = TensorLoader(torch.zeros(4000, 1), torch.zeros(4000), np.arange(4000), 96, shuffle=True, min_steps=16)
    assert loader.batch_size == 8 and len(loader) == 12
