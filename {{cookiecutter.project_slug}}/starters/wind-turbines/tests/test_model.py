"""The network learns, starts where it should, and forecasts three quantiles in order."""

import numpy as np
import pytest
import torch
from conftest import settings

from {{ cookiecutter.package_name }} import dataset, inputs, learner, predict, train

NAMES = ["network", "frozen", "scratch"]


def windows(count: int = 64, history: int = 24) -> np.ndarray:
    """A target, a channel that goes with it, one that does not, and one that never changes."""
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(0, 50, (count, history, 4)), axis=1) + rng.normal(500, 200, (count, 1, 4))
    x[:, :, 1] = 3 + x[:, :, 0] / 100
    x[:, :, 3] = 7
    return x.astype(np.float32)


def build(*overrides: str, history: int = 24) -> learner.Learner:
    """A network that knows facts of `windows`, in its learner."""
    torch.manual_seed(0)
    x = windows(history=history)
    facts = train.learn(x, x[:, -1, 0] + x[:, 0, 2] / 10, np.full(len(x), "train"), {"task": "regression"})
    return learner.Learner(dict(settings(*overrides).model), facts, 0)


@pytest.mark.parametrize("name", ["network", "frozen"])
def test_a_forecast_starts_near_what_is(name):
    network = build(f"model={name}").network.eval()
    x = torch.from_numpy(windows())
    middle = network(x)[:, 0, 1]
    assert (middle - x[:, -1, 0]).abs().mean() < network.spread / 2
    assert torch.corrcoef(torch.stack([middle, x[:, -1, 0]]))[0, 1] > 0.8


def test_without_persistence_it_starts_near_the_mean():
    network = build("model=scratch").network.eval()
    middle = network(torch.from_numpy(windows()))[:, 0, 1]
    assert (middle - network.centre).abs().mean() < network.spread / 2


@pytest.mark.parametrize("name", ["network", "scratch"])
def test_overfits_one_batch(name):
    found = build(f"model={name}", "model.dropout=0")
    x, y = torch.from_numpy(windows(16)), torch.linspace(200, 900, 16)
    optimiser = torch.optim.AdamW(found.parameters(), lr=5e-3)
    for _ in range(200):
        loss = found.loss(found.network(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_come_in_order_and_as_in_training(name):
    network = build(f"model={name}").network.eval()
    x = torch.from_numpy(windows())
    assert network(x).shape == (64, 1, 3)
    [answer] = network.answer(x)
    assert answer.shape == (64, 3) and (answer.diff(dim=1) >= 0).all()
    assert torch.allclose(answer, learner.answer(network, x.unsqueeze(1)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("history", "patch"), [(24, 6), (10, 4), (3, 6), (1, 1)])
def test_any_window_is_read_to_its_first_step(name, history, patch):
    network = build(f"model={name}", f"model.patch={patch}", history=history).network.eval()
    x = torch.from_numpy(windows(4, history)).requires_grad_()
    found = network(x)
    assert found.shape == (4, 1, 3) and found.isfinite().all()
    [slope] = torch.autograd.grad(found.sum(), x)
    assert (slope != 0).any(0).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_never_changed_and_what_never_came_get_an_answer(name):
    network = build(f"model={name}").network.eval()
    x = torch.from_numpy(windows(3))
    x[0, :, 3], x[1, 5, 2], x[2] = 9, 1e9, 0
    assert network.answer(x)[0].isfinite().all()


def test_an_explanation_is_what_changes_when_a_block_holds_its_mean(inside):
    model, x = predict.Model(), np.array(dataset.read()[0][3])
    found = inputs.explain(model, x)
    assert found.shape == (4, 11) and np.abs(found).max() > 0
    hidden = x.copy()
    hidden[6:12, 0] = x[:, 0].mean()
    assert found[1, 0] == pytest.approx(model(x[None])[0, 1] - model(hidden[None])[0, 1], abs=1e-3)
