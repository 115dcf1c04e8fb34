"""The network learns, starts where it should, and takes what a table may hold."""

import math

import numpy as np
import pytest
import torch
from conftest import settings

from {{ cookiecutter.package_name }} import config, learner, model, train

SCHEMA = {"columns": [{"name": "a"}, {"name": "b"}, {"name": "c", "values": ["x", "y", "z"]}, {"name": "d"}]}


def rows(count: int = 64) -> np.ndarray:
    """Two numbers, one with gaps; a text; and a number that never changes."""
    rng = np.random.default_rng(0)
    x = rng.normal(100, 50, (count, 4))
    x[:, 2], x[:, 3] = rng.integers(0, 3, count), 7
    x[::5, 1] = np.nan
    return x.astype(np.float32)


def build(*overrides: str, task: str = "classification") -> learner.Learner:
    """A network that knows facts of `rows`, in its learner."""
    torch.manual_seed(0)
    x = rows()
    y = (x[:, 0] > 100) if task == "classification" else 5 * x[:, 0]
    facts = train.learn(x, y.astype(np.float32), np.full(len(x), "train"), {"task": task, **SCHEMA})
    return learner.Learner(dict(settings(*overrides).model), facts, 0)


@pytest.mark.parametrize("name", ["network", "frozen", "scratch"])
def test_loss_starts_near_that_of_a_coin(name):
    found = build(f"model={name}")
    loss = found.loss(found.network(torch.from_numpy(rows())), torch.tensor([0.0, 1] * 32))
    assert loss.item() == pytest.approx(math.log(2), abs=0.25)


@pytest.mark.parametrize("name", ["network", "frozen", "scratch"])
def test_a_forecast_starts_near_the_mean(name):
    found = build(f"model={name}", task="regression")
    middle = found.network(torch.from_numpy(rows()))[:, :, 1]
    assert middle.mean().item() == pytest.approx(found.network.centre, abs=found.network.spread / 2)


@pytest.mark.parametrize("name", ["network", "scratch"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_overfits_one_batch(name, task):
    found = build(f"model={name}", "model.dropout=0", task=task)
    x = torch.from_numpy(rows(16))
    y = torch.tensor([0.0, 1] * 8) if task == "classification" else torch.linspace(200, 900, 16)
    optimiser = torch.optim.AdamW(found.parameters(), lr=5e-3)
    for _ in range(300):
        loss = found.loss(found.network(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize("name", ["network", "frozen", "scratch"])
def test_the_answer_is_the_mean_of_the_members(name):
    network = build(f"model={name}").network.eval()
    x = torch.from_numpy(rows())
    found = network(x)
    assert found.shape == (64, 1 if name == "frozen" else settings().model.members, 1)
    [answer] = network.answer(x)
    assert torch.allclose(answer, found.mean(1).squeeze(1).sigmoid())
    assert torch.allclose(answer, learner.answer(network, x.unsqueeze(1)), atol=1e-6)


def test_quantiles_come_in_order():
    [found] = build(task="regression").network.eval().answer(torch.from_numpy(rows()))
    assert found.shape == (64, 3) and (found.diff(dim=1) >= 0).all()


@pytest.mark.parametrize("name", ["network", "frozen", "scratch"])
def test_gaps_and_large_numbers_get_an_answer(name):
    network = build(f"model={name}").network.eval()
    x = torch.from_numpy(rows(4))
    x[0], x[1, 2], x[2, 0], x[3, 3] = torch.nan, torch.nan, 1e9, torch.nan
    [answer] = network.answer(x)
    assert ((answer >= 0) & (answer <= 1)).all()


@pytest.mark.parametrize("name", ["network", "frozen", "scratch"])
def test_a_gap_is_not_a_mean(name):
    network = build(f"model={name}").network
    with torch.no_grad():  # no weight is zero
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    x = torch.from_numpy(rows(2))
    x[0], x[1] = x[1].clone(), x[1]
    x[0, 1], x[1, 1] = torch.nan, network.mean[1]
    first, second = network.eval().answer(x)[0]
    assert first != second


def test_what_never_changes_teaches_nothing():
    found = model.facts(rows(), np.zeros(64), SCHEMA)
    assert found["numbers"] == [0, 1] and found["codes"] == [2] and found["gaps"] == [1]
    with pytest.raises(config.BadInput, match="every column has a single value"):
        model.facts(np.full((64, 4), 7.0), np.zeros(64), {"columns": [{"name": name} for name in "abcd"]})


@pytest.mark.parametrize("kinds", [["a", "b"], ["c"]])
def test_numbers_alone_and_texts_alone(kinds):
    columns = [column for column in SCHEMA["columns"] if column["name"] in kinds]
    x = rows()[:, ["abcd".index(name) for name in kinds]]
    y = np.arange(64) % 2.0
    schema = {"task": "classification", "columns": columns}
    for name in ("network", "frozen", "scratch"):
        facts = train.learn(x, y, np.full(64, "train"), schema)
        network = model.build(settings(f"model={name}").model, facts)
        assert network(torch.from_numpy(x)).isfinite().all()
