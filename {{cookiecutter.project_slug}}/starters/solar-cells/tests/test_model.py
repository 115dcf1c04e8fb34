"""The network learns, starts where it should, and explains itself exactly."""

import math

import numpy as np
import pytest
import torch
from conftest import settings
from torch.nn.functional import binary_cross_entropy_with_logits

from {{ cookiecutter.package_name }} import config, learner, model


def build(*overrides: str) -> model.Network:
    torch.manual_seed(0)
    return model.build(settings(*overrides).model, {})


def photos(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 80, 90), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["network", "frozen", "scratch"])
def test_loss_starts_near_that_of_a_coin(name):
    network = build(f"model={name}")
    z = network.encode(photos(8)).unflatten(0, (8, -1))[:, 0]
    loss = binary_cross_entropy_with_logits(network(z)[:, 0, 0], torch.tensor([0.0, 1] * 4))
    assert loss.item() == pytest.approx(math.log(2), abs=0.25)


def test_overfits_one_batch():
    network = build("model.dropout=0")
    z = network.encode(photos(8)).unflatten(0, (8, -1))[:, 0]
    y = torch.tensor([0.0, 1] * 4)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-4)
    for _ in range(80):
        loss = binary_cross_entropy_with_logits(network(z)[:, 0, 0], y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05


def test_only_what_is_not_frozen_learns():
    network = build()
    names = {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert names == {"trained", "head"}
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)


def test_explanation_adds_up_to_the_answer():
    network = build().eval()
    probability, explanation = network.answer(photos(3))
    assert torch.allclose(explanation.mean((1, 2)).sigmoid(), probability, atol=1e-6)


def test_answer_is_the_mean_over_the_encoded_views():
    network, x = build().eval(), photos(3)
    z = network.encode(x).unflatten(0, (3, -1))
    assert torch.allclose(learner.answer(network, z), network.answer(x)[0], atol=1e-5)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_flipped_photo_gets_the_same_answer(axis):
    network, x = build().eval(), photos(2)
    assert torch.allclose(network.answer(x)[0], network.answer(x.flip(axis))[0], atol=1e-5)


def test_a_grey_photo_gets_the_same_answer_in_colour():
    network, x = build().eval(), photos(2)
    colour = x.unsqueeze(3).expand(-1, -1, -1, 3)
    assert torch.allclose(network.answer(x)[0], network.answer(colour)[0], atol=1e-5)


def test_untrained_blocks_cannot_be_frozen():
    with pytest.raises(config.BadInput, match=r"needs model\.pretrained=true"):
        build("model=scratch", "model.freeze=3")
    with pytest.raises(config.BadInput, match=r"model\.freeze=19: there are 18 blocks"):
        build("model.freeze=19")


def test_imagenet_weights_land_in_the_right_layers():
    blocks = model.lite0()
    model.load_imagenet(blocks)
    assert sum(p.numel() for block in blocks for p in block.parameters()) == 4_652_008
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(2, 3, 224, 224))).float()
    with torch.no_grad():
        features = torch.nn.Sequential(*blocks[:-1]).eval()(x).mean((2, 3))
        entropy = torch.distributions.Categorical(logits=blocks[-1](features)).entropy()
    assert entropy.max() < 0.95 * math.log(1000)  # wrong layers give noise or overflow
