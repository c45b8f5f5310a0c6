"""Strided convolutions of maps one column wide, and those of voxels, never run in 16 bits on a CPU.

oneDNN's kernels are wrong there. Not every processor shows it, so that what is watched is which convolutions run.
"""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import zaohua as zh
from tests.test_contract import KINDS
from tests.trainings import digits
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec, Feature
from zaohua.metrics.extractor import Classifier
from zaohua.metrics.untrained import RandomConvolutions
from zaohua.nn.convolutions import Conv2d, Conv3d, ConvTranspose2d
from zaohua.nn.embed import Embed
from zaohua.nn.unet import UNet
from zaohua.nn.wavegan import WaveDiscriminator, WaveGenerator

SOURCE = Path(zh.__file__).parent


class Watch(TorchDispatchMode):
    """Notes the convolutions inside it that have a stride and a map one column wide, or of voxels, forward and back.

    Attributes:
        narrow: what each of them is, and the dtype that it computes in.
        dtypes: those of all convolutions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.narrow: list[tuple[str, torch.dtype]] = []
        self.dtypes: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if "conv" in func._schema.name and func is not torch.ops.aten.convolution.default:
            assert func is torch.ops.aten.convolution_backward.default, f"a convolution that isn't watched: {func}"
        if func is torch.ops.aten.convolution.default:
            self.note("forward", args[0], out, stride=args[3], transposed=args[6])
        elif func is torch.ops.aten.convolution_backward.default:
            self.note("backward", args[1], args[0], stride=args[4], transposed=args[7])
        return out

    def note(self, way: str, x: Tensor, y: Tensor, stride: list[int], transposed: bool) -> None:
        self.dtypes.add(x.dtype)
        small = x if transposed else y
        if x.ndim == 5 or (max(stride) > 1 and small.shape[-1] == 1):
            self.narrow.append((f"{way} {tuple(x.shape)} -> {tuple(y.shape)}, stride {stride}", x.dtype))

    @property
    def wrong(self) -> set[str]:
        return {what for what, dtype in self.narrow if dtype.itemsize < 4}


# ---- the layers


def dirty() -> None:
    """Fill memory with NaN and free it: what reads it without having written it can't go unseen."""
    junk = [torch.full((1 << 14,), torch.nan) for _ in range(60)]
    del junk


def run(layer: nn.Module, x: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """The output of a layer in a dtype, and the gradients of its mean square by x and by the parameters."""
    x = x.detach().clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = layer(x)
    assert y.dtype == dtype
    y.float().square().mean().backward()
    return [y.detach().float(), *[p.grad.float() for p in (x, *layer.parameters()) if p.grad is not None]]


LAYERS: list[tuple[type[Conv2d] | type[ConvTranspose2d], Any, Any, Any, Any]] = [
    *[(Conv2d, k, s, k // 2, 1) for k, s in itertools.product((2, 3, 4, 5), (1, 2))],
    (Conv2d, 3, 2, "valid", 1),
    (Conv2d, 3, 2, 2, 2),
    (Conv2d, 3, (2, 1), 1, 1),
    (Conv2d, 4, 4, 0, 1),
    (Conv2d, (1, 25), (1, 4), (0, 12), 1),
    *[(ConvTranspose2d, k, s, k // 2, 1) for k, s in ((3, 1), (3, 2), (4, 2), (5, 2), (3, (2, 1)))],
    (ConvTranspose2d, (1, 25), (1, 4), (0, 11), 1),
]
"""Kinds of layers: class, kernel, stride, padding, dilation."""


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: "-".join([layer[0].__name__, *map(str, layer[1:])]))
def test_layers_agree_with_float32_on_dirty_memory(layer: Any, channels_last: bool) -> None:
    """Whatever the width; in bfloat16 unless there is a stride and a map one column wide."""
    cls, kernel, stride, padding, dilation = layer
    for width in range(1, 9):
        torch.manual_seed(width)
        made = cls(16, 8, kernel, stride, padding=padding, dilation=dilation)
        x = torch.randn(4, 16, 1 if isinstance(kernel, tuple) else 6, width)
        if channels_last:
            made, x = made.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        with torch.no_grad():
            for p in (x, *made.parameters()):
                p.copy_(p.bfloat16())  # what is rounded on the way is then the same for both
        try:
            expected = run(made, x, torch.float32)
        except RuntimeError as error:
            assert "Kernel size can't be greater" in str(error) or "too small" in str(error)
            continue
        for _ in range(3):
            dirty()
            with Watch() as watch:
                found = run(made, x, torch.bfloat16)
            for a, b in zip(found, expected, strict=True):
                assert (a - b).norm() <= 0.02 * b.norm(), (width, a.shape)
        columns = x.shape[-1] if cls is ConvTranspose2d else expected[0].shape[-1]
        narrow = columns == 1 and made.stride != (1, 1)
        assert watch.dtypes == {torch.float32 if narrow else torch.bfloat16} and bool(watch.narrow) == narrow


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_voxels_agree_with_float32_on_dirty_memory(kernel: int, channels: int) -> None:
    """Where the input is shorter than the kernel, a place wide, of one channel, or in channels-last; in float32."""
    strides: list[int | tuple[int, int, int]] = [1, 2, (1, 2, 2)]
    for size, stride in itertools.product([(2, 3, 4), (1, 4, 5), (8, 9, 1), (5, 1, 3), (6, 6, 6)], strides):
        for layout in (torch.contiguous_format, torch.channels_last_3d):
            layer = Conv3d(channels, 8, kernel, stride, kernel // 2).to(memory_format=layout)  # type: ignore[call-overload]
            x = torch.randn(2, channels, *size).to(memory_format=layout)
            with torch.no_grad():
                for p in (x, *layer.parameters()):
                    p.copy_(p.bfloat16())
            expected = run(layer, x, torch.float32)
            dirty()
            with Watch() as watch:
                found = run(layer, x, torch.bfloat16)
            for a, b in zip(found, expected, strict=True):
                assert (a - b).norm() <= 0.02 * b.norm(), (size, stride, a.shape)
            assert watch.dtypes == {torch.float32} and len(watch.narrow) == 2


@pytest.mark.parametrize(
    ("ours", "torchs"), [(Conv2d, nn.Conv2d), (Conv3d, nn.Conv3d), (ConvTranspose2d, nn.ConvTranspose2d)]
)
def test_layers_are_torchs_in_all_else(ours: Any, torchs: Any) -> None:
    """Bit for bit in float32, by the same parameters from the same seed."""
    depth = (3,) if ours is Conv3d else ()
    layers = []
    for cls in (ours, torchs):
        torch.manual_seed(0)
        layers.append(cls(3, 5, 3, 2, padding=1))
    weights = [layer.state_dict() for layer in layers]
    assert list(weights[0]) == list(weights[1]) == ["weight", "bias"]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    for width in range(1, 6):
        x = torch.randn(2, 3, *depth, 4, width)
        found = zip(*(run(layer, x, torch.float32) for layer in layers), strict=True)
        assert all(torch.equal(a, b) for a, b in found)


def test_weights_in_16_bits_are_refused_where_they_would_go_wrong() -> None:
    layer, x = Conv2d(2, 2, 3, 2, 1).bfloat16(), torch.zeros(1, 2, 4, 4, dtype=torch.bfloat16)
    assert layer(x).dtype == torch.bfloat16  # two columns
    with pytest.raises(ZaohuaError, match="weight is bfloat16: keep weights in float32 and compute under torch.auto"):
        layer(x[..., :2])
    with pytest.raises(ZaohuaError, match="weight is bfloat16"):
        Conv3d(2, 2, 3).bfloat16()(torch.zeros(1, 2, 4, 4, 4, dtype=torch.bfloat16))


# ---- no network runs one


def columns(kind: str) -> tuple[Any, Any]:
    """16 items whose maps, halved again and again, end one column wide in most networks; and labels."""
    labels = [i % 2 for i in range(16)]
    if kind == "images":
        return digits(16)[0][:, :, 3:5], labels
    t = np.arange(800) / 8000
    return [zh.Sound(np.sin(2 * np.pi * (300 + 50 * i) * t) * np.exp(-30 * t), 8000) for i in range(16)], labels


def strided(nets: nn.Module) -> bool:
    """Whether there are strided convolutions in networks."""
    return any(isinstance(m, nn.Conv2d | nn.ConvTranspose2d) and max(m.stride) > 1 for m in nets.modules())


CASES = [
    (entry.name, kind)
    for entry in registry.entries()
    for kind in ("images", "sounds", "waves", "mu-law")
    if kind in [KINDS[codec] for codec in entry.codecs] and entry.family != "density"
]


@pytest.mark.parametrize(("name", "kind"), CASES, ids=["-".join(case) for case in CASES])
def test_no_model_runs_one_in_bfloat16(name: str, kind: str) -> None:
    cls, entry = getattr(zh, name), registry.find(name)
    x, y = columns(kind)
    model = cls(**{**cls.tiny, "max_steps": 2, "precision": "bfloat16", "random_state": 0, "device": "cpu"})
    if "restore" in entry.primitives:  # learns from what is seen of x, instead of from labels
        model.degrade, y = "noise 0.1", None
    with Watch() as watch:
        model.fit(x, y if entry.conditional else None)
        if "draw" in entry.primitives:
            model.sample(2)
    assert not watch.wrong
    if strided(model.nets_) and (kind == "images" or name == "Flow"):
        assert {what.split()[0] for what, _ in watch.narrow} == {"forward", "backward"}  # or nothing was tested


LABEL = DataSpec((), (), (Feature("label", "category", 3),))
NETWORKS = {
    "wave-generator": lambda n: (WaveGenerator(wave(n), LABEL, in_dim=6, channels=2), torch.randn(3, 6)),
    "wave-critic": lambda n: (WaveDiscriminator(wave(n), LABEL, channels=2), torch.randn(3, 1, n)),
}


def wave(samples: int | None) -> DataSpec:
    return DataSpec(("time",), None if samples is None else (samples,), (Feature("sample", "real", 1),))


@pytest.mark.parametrize("samples", [1, 3, 5, 80])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_of_short_waves_runs_one_in_bfloat16(name: str, samples: int) -> None:
    net, x = NETWORKS[name](samples)
    with Watch() as watch:
        with torch.autocast("cpu", torch.bfloat16):
            out = net(x, torch.arange(3))
        out.float().sum().backward()
    assert not watch.wrong and bool(watch.narrow) == (samples < 5)


def picture(shape: tuple[int, int] | None) -> DataSpec:
    return DataSpec(("height", "width"), shape, (Feature("grey", "real", 1),))


def voxels(shape: tuple[int, int, int] | None) -> DataSpec:
    return DataSpec(("depth", "height", "width"), shape, (Feature("density", "real", 1),))


CONDITIONS = {
    "any-wave": wave(None),
    "wave": wave(300),
    "column": picture((80, 1)),
    "any-picture": picture(None),
    "voxels": voxels((3, 9, 20)),
    "any-voxels": voxels(None),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_no_condition_runs_one_in_bfloat16(name: str) -> None:
    spec = CONDITIONS[name]
    embed = Embed(spec, 8)
    y = torch.randn(2, 1, *(spec.shape or {1: (200,), 2: (20, 9), 3: (5, 9, 20)}[len(spec.axes)]))
    with Watch() as watch:
        with torch.autocast("cpu", torch.bfloat16):
            out = embed(y, 2, torch.ones(2, dtype=torch.bool)).values
        out.float().sum().backward()
    assert not watch.wrong and bool(watch.narrow) == (spec.shape != (300,))


@pytest.mark.parametrize("spec", [wave(2), picture((3, 2)), voxels((3, 5, 7))], ids=["wave", "picture", "voxels"])
def test_no_unet_runs_one_in_bfloat16(spec: DataSpec) -> None:
    net = UNet(spec, spec, channels=8)
    x = torch.randn(2, *spec.tensor_shape)
    with Watch() as watch:
        with torch.autocast("cpu", torch.bfloat16):
            out = net(x, torch.rand(2), x)
        out.float().sum().backward()
    assert not watch.wrong and {what.split()[0] for what, _ in watch.narrow} == {"forward", "backward"}


def test_no_extractor_runs_one_in_bfloat16_whatever_the_caller_computes_in() -> None:
    images, labels = columns("images")
    plain = Classifier.train(images, labels, min_items=16)
    with torch.autocast("cpu", torch.bfloat16), Watch() as watch:
        classifier, random = Classifier.train(images, labels, min_items=16), RandomConvolutions(images)
        features = [extractor.features(images) for extractor in (classifier, random)]
    assert not watch.wrong and watch.narrow and watch.dtypes == {torch.float32}
    assert np.array_equal(features[0], plain.features(images))
    assert np.array_equal(features[1], RandomConvolutions(images).features(images))


@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
def test_short_sounds_train_twice_to_the_same_finite_weights(precision: str) -> None:
    """The README's sounds."""
    sounds, _ = columns("sounds")
    found = []
    for _ in range(2):
        dirty()
        model = zh.Flow(channels=8, max_steps=6, random_state=0, precision=precision).fit(sounds[:8], [0, 1] * 4)
        found.append(torch.cat([p.flatten() for p in model.nets_.parameters()]))
    assert torch.equal(*found) and found[0].isfinite().all()


# ---- nothing goes round the layers


STRIDED = re.compile(r"(Lazy)?Conv(Transpose)?[123]d|conv(_transpose)?[123]d|_?convolution")
"""Convolutions of torch: layers and functions."""


def around(source: str) -> list[str]:
    """Calls of torch's own strided convolutions, and of those of voxels, in a file."""
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and STRIDED.fullmatch(node.func.attr)
    ]
    return [
        ast.unparse(call)
        for call in calls
        if re.search("ranspose|3d", ast.unparse(call.func))
        or len(call.args) > 3
        or any(keyword.arg in (None, "stride") for keyword in call.keywords)
    ]


def test_the_package_makes_strided_convolutions_by_its_own_layers_only() -> None:
    """But for the metrics, which never compute in 16 bits."""
    files = [file for file in SOURCE.rglob("*.py") if "metrics" not in file.parts]
    found = {str(file.relative_to(SOURCE)): calls for file in files if (calls := around(file.read_text()))}
    assert len(files) > 100 and not found


def test_what_goes_round_the_layers_is_found() -> None:
    lines = [
        "nn.Conv2d(1, 2, 3, 2)",
        "nn.Conv1d(1, 2, 3, stride=s)",
        "torch.nn.ConvTranspose2d(1, 2, 3)",
        "F.conv2d(x, w, b, 2)",
        "F.conv_transpose1d(x, w)",
        "nn.Conv2d(1, 2, 3, **options)",
        "nn.Conv3d(1, 2, 3)",
    ]
    assert around("\n".join([*lines, "Conv2d(1, 2, 3, 2)", "nn.Conv2d(1, 2, 3, padding=1)"])) == lines
