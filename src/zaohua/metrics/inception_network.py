"""Layers of the Inception network of FID, named as in its public ports; see `inception`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval

SIDE = 299
"""Height and width of the input images."""
WIDTH = 2048
"""Width of a feature vector."""
OUTPUTS = 1008

Plan = dict[str, str]
"""Branches of a block by name. A branch is a list of pools and of convolutions, "channels HEIGHTxWIDTH".

"+" joins two parallel convolutions. Convolutions keep the size of maps; "/2" is a stride of two without padding.
"""


def _a(pool: int) -> Plan:
    """Return the block of the paper's figure 5, with a 5 x 5 convolution in one branch, for 35 x 35."""
    return {"1x1": "64 1x1", "5x5": "48 1x1, 64 5x5", "3x3dbl": "64 1x1, 96 3x3, 96 3x3", "_pool": f"avg, {pool} 1x1"}


def _c(n: int) -> Plan:
    """Return the block of figure 6, for 17 x 17."""
    return {
        "1x1": "192 1x1",
        "7x7": f"{n} 1x1, {n} 1x7, 192 7x1",
        "7x7dbl": f"{n} 1x1, {n} 7x1, {n} 1x7, {n} 7x1, 192 1x7",
        "_pool": "avg, 192 1x1",
    }


def _e(pool: str) -> Plan:
    """Return the block of figure 7, for 8 x 8."""
    return {
        "1x1": "320 1x1",
        "3x3": "384 1x1, 384 1x3 + 384 3x1",
        "3x3dbl": "448 1x1, 384 3x3, 384 1x3 + 384 3x1",
        "_pool": f"{pool}, 192 1x1",
    }


BLOCKS: dict[str, Plan] = {
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": {"3x3": "384 3x3/2", "3x3dbl": "64 1x1, 96 3x3, 96 3x3/2", "_pool": "max/2"},
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": {"3x3": "192 1x1, 320 3x3/2", "7x7x3": "192 1x1, 192 1x7, 192 7x1, 192 3x3/2", "_pool": "max/2"},
    "Mixed_7b": _e("avg"),
    "Mixed_7c": _e("max"),
}
"""Blocks after the stem, from 35 x 35 x 192 to 8 x 8 x 2048."""
POOLS = {
    "avg": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "max": nn.MaxPool2d(3, 1, 1),
    "max/2": nn.MaxPool2d(3, 2),
}


class _Conv(nn.Module):
    """Convolution, batch normalisation and ReLU."""

    def __init__(self, channels: int, width: int, kernel: tuple[int, int], stride: int = 1, same: bool = True):
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if same else 0
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, bias=False)
        self.bn: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(width, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.bn(self.conv(x)))

    def fold(self) -> None:
        """Fold the normalisation, which is affine in inference, into the convolution: saves two passes over memory."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv, self.bn = fuse_conv_bn_eval(self.conv, self.bn), nn.Identity()


class _Block(nn.Module):
    """Parallel branches over one input, concatenated along the channels."""

    def __init__(self, channels: int, plan: Plan):
        super().__init__()
        self.branches = []
        self.width = 0
        for branch, text in plan.items():
            steps, width, layers = [], channels, text.split(", ")
            several = sum(layer not in POOLS for layer in layers) > 1
            for i, layer in enumerate(layers, 1):
                if layer in POOLS:
                    steps.append([layer])
                    continue
                parts = layer.split(" + ")
                stem = f"branch{branch}_{i}" if several else f"branch{branch}"
                names = [stem] if len(parts) == 1 else [stem + end for end in "ab"]
                width = sum(self._add(name, width, part) for name, part in zip(names, parts, strict=True))
                steps.append(names)
            self.branches.append(steps)
            self.width += width

    def _add(self, name: str, channels: int, layer: str) -> int:
        width, _, shape = layer.partition(" ")
        kernel, _, stride = shape.partition("/")
        height, _, across = kernel.partition("x")
        self.add_module(name, _Conv(channels, int(width), (int(height), int(across)), int(stride or 1), not stride))
        return int(width)

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for steps in self.branches:
            y = x
            for names in steps:
                parts = [POOLS[name](y) if name in POOLS else self.get_submodule(name)(y) for name in names]
                y = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
            outputs.append(y)
        return torch.cat(outputs, 1)


class InceptionNetwork(nn.Module):
    """Inception network: 23,850,960 parameters and the 34,432 statistics of its 94 normalisations."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, (3, 3), 2, same=False)
        self.Conv2d_2a_3x3 = _Conv(32, 32, (3, 3), same=False)
        self.Conv2d_2b_3x3 = _Conv(32, 64, (3, 3))
        self.Conv2d_3b_1x1 = _Conv(64, 80, (1, 1))
        self.Conv2d_4a_3x3 = _Conv(80, 192, (3, 3), same=False)
        width = 192
        for name, plan in BLOCKS.items():
            block = _Block(width, plan)
            self.add_module(name, block)
            width = block.width
        self.fc = nn.Linear(width, OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, WIDTH) of images (B, 3, SIDE, SIDE) in [-1, 1)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = POOLS["max/2"](x)
        x = POOLS["max/2"](self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        for name in BLOCKS:
            x = self.get_submodule(name)(x)
        return x.mean((2, 3))

    def fold(self) -> None:
        """Fold every normalisation into the convolution before it, for inference."""
        for module in self.modules():
            if isinstance(module, _Conv):
                module.fold()
