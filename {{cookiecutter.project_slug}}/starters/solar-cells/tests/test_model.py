"""Network and training: shapes, loss at the start, invariances, export."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from {{ cookiecutter.package_name }} import train
from {{ cookiecutter.package_name }}.data import load_prepared
from {{ cookiecutter.package_name }}.model import FLIPS, EfficientNetLite0
from {{ cookiecutter.package_name }}.predict import Predictor


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return EfficientNetLite0(size=64, freeze=7, dropout=0.2).eval()


@pytest.fixture(scope="module")
def photos():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 90, 70), np.uint8))


def test_shapes(network, photos):
    features = network.encode(photos)
    assert features.shape[:2] == (4, len(FLIPS))
    assert network(features[:, 0]).shape == (4,)
    assert network.activation_map(features).shape[::2] == (4, 2)


def test_initial_loss_is_ln2(network, photos):
    logit = network(network.encode(photos)[:, 0])
    loss = F.binary_cross_entropy_with_logits(logit, torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert abs(loss.item() - np.log(2)) < 0.15


@torch.inference_mode()
def test_logit_is_flip_invariant_and_the_mean_of_the_activation_map(network, photos):
    features = network.encode(photos)
    logit = network(features.flatten(0, 1)).unflatten(0, (4, -1)).mean(1)
    flipped = network.activation_map(network.encode(photos.flip(2))).mean((1, 2))
    torch.testing.assert_close(network.activation_map(features).mean((1, 2)), logit)
    torch.testing.assert_close(flipped, logit, atol=1e-4, rtol=0)


def test_frozen_blocks_and_batchnorm_are_not_trained(network):
    network.train()
    assert not any(parameter.requires_grad for parameter in network.backbone.parameters())
    batchnorms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert batchnorms and not any(module.training for module in batchnorms)
    network.eval()


def test_two_batches_can_be_memorized(network, photos):
    torch.manual_seed(0)
    model = EfficientNetLite0(size=64, freeze=7, dropout=0.0)
    features, labels = model.encode(photos)[:, 0].detach(), torch.tensor([0.0, 1.0, 1.0, 0.0])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    for _ in range(40):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(features), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_onnx_gives_the_prediction_of_the_checkpoint(inside):
    photos, _, _ = load_prepared()
    rows = np.arange(6)
    expected = train.predict(Path("models/best.ckpt"), rows)
    np.testing.assert_allclose(Predictor()(photos[rows]), expected, atol=2e-3)  # float16 features
    larger = np.repeat(np.repeat(photos[:2], 2, axis=1), 2, axis=2)
    assert Predictor()(larger).shape == (2,)
