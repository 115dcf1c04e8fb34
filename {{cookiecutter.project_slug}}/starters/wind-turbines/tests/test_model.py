"""Network and loss: persistence at the start, quantiles in order, pinball loss, export."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import settings

from {{ cookiecutter.package_name }} import train
from {{ cookiecutter.package_name }}.data import load_prepared
from {{ cookiecutter.package_name }}.model import QuantileForecaster
from {{ cookiecutter.package_name }}.predict import Predictor


def random_windows(n: int, history: int = 24) -> np.ndarray:
    """Random walks of a target and another channel, and a constant channel."""
    rng = np.random.default_rng(0)
    x = rng.normal(500, 200, (n, 1, 3)) + rng.normal(0, 50, (n, history, 3)).cumsum(axis=1)
    x[:, :, 2] = 7
    return x.astype(np.float32)


def make_network(*overrides: str, history: int = 24) -> QuantileForecaster:
    torch.manual_seed(0)
    windows = random_windows(64, history)
    stats = train.training_stats(windows, windows[:, -1, 0], np.full(64, "train"))
    return QuantileForecaster(settings(*overrides).model, stats).eval()


@pytest.mark.parametrize("model", ["network", "frozen"])
@pytest.mark.parametrize(("history", "patch"), [(24, 6), (10, 4), (3, 6)])
def test_quantiles_are_in_order_and_depend_on_the_whole_window(model, history, patch):
    network = make_network(f"model={model}", f"model.patch={patch}", history=history)
    windows = torch.from_numpy(random_windows(8, history)).requires_grad_()
    quantiles = network(windows)
    assert quantiles.shape == (8, 3) and (quantiles.diff(dim=1) >= 0).all()
    [gradient] = torch.autograd.grad(quantiles.sum(), windows)
    assert (gradient != 0).any(0).all()


@torch.inference_mode()
def test_a_new_network_forecasts_persistence():
    windows = torch.from_numpy(random_windows(64))
    now, network = windows[:, -1, 0], make_network()
    error = (network(windows)[:, 1] - now).abs().mean()
    assert error < 0.3 * network.target_std


def test_pinball_loss_of_an_example():
    quantiles = torch.tensor([[8.0, 10.0, 13.0]])
    for label, loss in ((7.0, 0.9 * 1 + 0.5 * 3 + 0.1 * 6), (15.0, 0.1 * 7 + 0.5 * 5 + 0.9 * 2)):
        result = train.pinball_loss(quantiles, torch.tensor([label])).item()
        assert result == pytest.approx(loss / 3)


def test_onnx_gives_the_forecast_of_the_checkpoint(inside):
    windows, _, _ = load_prepared()
    expected = train.predict(Path("models/best.ckpt"), np.arange(len(windows)))
    low, median, high = (Predictor()(windows) - expected).T
    assert np.abs(median).max() < 0.05  # kW
    # The interval is wider, or narrower, by the same margin everywhere: it is calibrated.
    np.testing.assert_allclose(high, high.mean(), atol=0.05)
    np.testing.assert_allclose(low, -high.mean(), atol=0.05)
