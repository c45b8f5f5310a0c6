"""No weights are at hand here: random ones under the published names, and numbers that torch-fidelity made of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.metrics import inception
from zaohua.metrics.inception import Inception, convert
from zaohua.metrics.inception_network import OUTPUTS, SIDE, WIDTH, InceptionNetwork

Weights = dict[str, Tensor]


def shapes() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = InceptionNetwork().state_dict()
    return {name: tuple(t.shape) for name, t in sorted(state.items()) if not name.endswith("num_batches_tracked")}


def drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Such that activations keep their size from layer to layer."""
    u = rng.random(shape, dtype=np.float32)
    if len(shape) > 1:
        return (u - np.float32(0.5)) * np.float32(np.sqrt(24 / np.prod(shape[1:])))
    return u + np.float32(0.5) if name.endswith(("running_var", "bn.weight")) else (u - np.float32(0.5)) / 2


@pytest.fixture(scope="module")
def weights() -> Weights:
    rng = np.random.default_rng(0)
    return {name: torch.from_numpy(drawn(name, shape, rng)) for name, shape in shapes().items()}


@pytest.fixture(scope="module")
def extractor(weights: Weights) -> Inception:
    return Inception(weights)


def pictures(*shape: int) -> np.ndarray:
    """Waves, since means over noise are all alike."""
    n, height, width, channels = shape
    y, x, c = np.meshgrid(np.arange(height) / height, np.arange(width) / width, np.arange(channels), indexing="ij")
    waves = [np.sin(6 * x * (i + 1) + c) * np.cos(9 * y + i * c) for i in range(n)]
    return (127.5 + 127 * np.stack(waves)).astype(np.uint8)


# ---- the network


def test_names_and_shapes_are_those_of_the_published_file():
    lines = "\n".join(f"{name} {shape}" for name, shape in shapes().items())
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == "d84f693f2abd7fea"
    sizes = {name: int(np.prod(shape)) for name, shape in shapes().items()}
    statistics = sum(size for name, size in sizes.items() if "running" in name)
    assert (len(sizes), sum(sizes.values()) - statistics, statistics) == (472, 23_850_960, 34_432)


def test_map_sizes_are_those_of_table_1_of_the_paper(extractor: Inception):
    sizes: dict[str, tuple[int, ...]] = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: sizes.update({name: tuple(out.shape[1:])}))
        for name, module in extractor.network.named_children()
    ]
    extractor.features(pictures(1, 8, 8, 1))
    for hook in hooks:
        hook.remove()
    assert sizes["Conv2d_1a_3x3"] == (32, 149, 149) and sizes["Conv2d_2b_3x3"] == (64, 147, 147)
    assert sizes["Mixed_5d"] == (288, 35, 35) and sizes["Mixed_6e"] == (768, 17, 17)
    assert sizes["Mixed_7a"] == (1280, 8, 8) and sizes["Mixed_7c"] == (2048, 8, 8)


def layer(weights: Weights, name: str) -> Callable[..., Tensor]:
    """A convolution by its published name, normalised by the running statistics."""
    w, b, mean, var = (weights[f"{name}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))

    def run(x: Tensor, stride: int = 1) -> Tensor:
        kernel = weights[f"{name}.conv.weight"]
        padding = (kernel.shape[2] // 2, kernel.shape[3] // 2) if stride == 1 else 0
        return F.relu(F.batch_norm(F.conv2d(x, kernel, None, stride, padding), mean, var, w, b, False, 0, 1e-3))

    return run


def in_a_row(weights: Weights, x: Tensor, *names: str) -> Tensor:
    for name in names:
        x = layer(weights, name)(x)
    return x


def mean_pool(x: Tensor) -> Tensor:
    """Sums over 3 x 3 by how many of the nine there are."""
    sums = F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 1)
    return sums / F.avg_pool2d(F.pad(torch.ones_like(x), (1, 1, 1, 1)), 3, 1)


def test_blocks_with_average_pools(weights: Weights, extractor: Inception):
    x = torch.rand(2, 192, 6, 7, generator=torch.Generator().manual_seed(0))
    b = "Mixed_5b.branch"
    want = [
        in_a_row(weights, x, f"{b}1x1"),
        in_a_row(weights, x, f"{b}5x5_1", f"{b}5x5_2"),
        in_a_row(weights, x, f"{b}3x3dbl_1", f"{b}3x3dbl_2", f"{b}3x3dbl_3"),
        in_a_row(weights, mean_pool(x), f"{b}_pool"),
    ]
    torch.testing.assert_close(extractor.network.get_submodule("Mixed_5b")(x), torch.cat(want, 1), rtol=1e-4, atol=1e-4)

    x = torch.rand(1, 768, 5, 9, generator=torch.Generator().manual_seed(1))
    b = "Mixed_6b.branch"
    want = [
        in_a_row(weights, x, f"{b}1x1"),
        in_a_row(weights, x, *(f"{b}7x7_{i}" for i in (1, 2, 3))),
        in_a_row(weights, x, *(f"{b}7x7dbl_{i}" for i in (1, 2, 3, 4, 5))),
        in_a_row(weights, mean_pool(x), f"{b}_pool"),
    ]
    torch.testing.assert_close(extractor.network.get_submodule("Mixed_6b")(x), torch.cat(want, 1), rtol=1e-4, atol=1e-4)


def test_blocks_that_shrink_the_map(weights: Weights, extractor: Inception):
    x = torch.rand(1, 768, 7, 9, generator=torch.Generator().manual_seed(0))
    b = "Mixed_7a.branch"
    want = [
        layer(weights, f"{b}3x3_2")(in_a_row(weights, x, f"{b}3x3_1"), 2),
        layer(weights, f"{b}7x7x3_4")(in_a_row(weights, x, *(f"{b}7x7x3_{i}" for i in (1, 2, 3))), 2),
        F.max_pool2d(x, 3, 2),
    ]
    torch.testing.assert_close(extractor.network.get_submodule("Mixed_7a")(x), torch.cat(want, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "channels"), [("Mixed_7b", 1280), ("Mixed_7c", 2048)])
def test_last_blocks_fork_and_the_last_pool_takes_the_maximum(
    weights: Weights, extractor: Inception, name: str, channels: int
):
    x = torch.rand(1, channels, 4, 5, generator=torch.Generator().manual_seed(0))
    b = f"{name}.branch"
    once = in_a_row(weights, x, f"{b}3x3_1")
    twice = in_a_row(weights, x, f"{b}3x3dbl_1", f"{b}3x3dbl_2")
    pooled = F.max_pool2d(x, 3, 1, 1) if name == "Mixed_7c" else mean_pool(x)
    want = [
        in_a_row(weights, x, f"{b}1x1"),
        in_a_row(weights, once, f"{b}3x3_2a"),
        in_a_row(weights, once, f"{b}3x3_2b"),
        in_a_row(weights, twice, f"{b}3x3dbl_3a"),
        in_a_row(weights, twice, f"{b}3x3dbl_3b"),
        in_a_row(weights, pooled, f"{b}_pool"),
    ]
    torch.testing.assert_close(extractor.network.get_submodule(name)(x), torch.cat(want, 1), rtol=1e-4, atol=1e-4)


# ---- pictures


def by_loop(image: np.ndarray) -> np.ndarray:
    """TensorFlow 1's `resize_bilinear` without `align_corners`, pixel by pixel, of (H, W)."""
    height, width = image.shape
    out = np.zeros((SIDE, SIDE))
    for i in range(SIDE):
        y = i * height / SIDE
        top, bottom, down = int(y), min(int(y) + 1, height - 1), y - int(y)
        for j in range(SIDE):
            x = j * width / SIDE
            left, right, along = int(x), min(int(x) + 1, width - 1), x - int(x)
            above = (1 - along) * image[top, left] + along * image[top, right]
            below = (1 - along) * image[bottom, left] + along * image[bottom, right]
            out[i, j] = (1 - down) * above + down * below
    return out


@pytest.mark.parametrize("size", [(1, 1), (7, 28), (32, 32), (299, 320), (401, 64)])
def test_stretches_as_tensorflow_1_did(size: tuple[int, int]):
    image = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    x = inception._input(image[None, ..., None])
    assert x.shape == (1, 3, SIDE, SIDE) and x.dtype == torch.float32
    np.testing.assert_allclose(x[0, 1].numpy(), (by_loop(image.astype(float)) - 128) / 128, atol=1e-4)


def test_pictures_of_the_right_size_stay_as_they_are():
    image = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
    np.testing.assert_array_equal(inception._input(image)[0].permute(1, 2, 0).numpy() * 128 + 128, image[0])


def test_grey_is_three_equal_channels(extractor: Inception):
    grey = pictures(2, 28, 20, 1)
    grey.flags.writeable = False
    features = extractor.features(grey)
    assert features.shape == (2, WIDTH) and features.dtype == np.float64
    np.testing.assert_array_equal(extractor.features(grey[..., 0]), features)
    np.testing.assert_allclose(extractor.features(np.repeat(grey, 3, 3)), features, atol=1e-6)


def test_features_do_not_depend_on_batch_or_order(extractor: Inception, monkeypatch: pytest.MonkeyPatch):
    images = pictures(5, 24, 32, 3)
    together = extractor.features(images)
    monkeypatch.setattr(inception, "BATCH", 2)
    np.testing.assert_allclose(extractor.features(images[::-1])[::-1], together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "give uint8, not float32"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"not \(2, 8, 8, 4\)"),
        (np.zeros((8, 8), np.uint8), r"not \(8, 8\)"),
        (np.zeros((0, 8, 8), np.uint8), r"not \(0, 8, 8\)"),
    ],
)
def test_refuses_what_is_no_picture(extractor: Inception, images: np.ndarray, message: str):
    with pytest.raises(ZaohuaError, match=message):
        extractor.features(images)


# ---- what comes out


def test_numbers_of_another_port(extractor: Inception):
    """Features and scores that torch-fidelity's extractor gives with the same weights and pictures."""
    features = extractor.features(pictures(2, 32, 40, 3))
    places = [0, 320, 1000, 1500, 1800, 1900]
    few = [
        [0.9199367, 3.1956639, 2.3455613, 17.3338051, 0.6906750, 7.2170148],
        [0.8362098, 3.2404687, 2.3707974, 18.8115940, 0.7970971, 7.0070057],
    ]
    np.testing.assert_allclose(features[:, places], few, rtol=1e-4)
    np.testing.assert_allclose(features.mean(1), [2.5642975, 2.7458171], rtol=1e-5)
    np.testing.assert_allclose(features.std(1), [3.7345108, 4.0004978], rtol=1e-5)
    probable = [[0.0208585, 0.0323350, 0.9369984], [0.0179471, 0.0381505, 0.9377648]]
    np.testing.assert_allclose(extractor.classify(features)[:, [357, 273, 515]], probable, rtol=1e-3)


def test_probabilities_leave_the_bias_out(weights: Weights, extractor: Inception):
    images = pictures(2, 16, 16, 3)
    features, probabilities = extractor.features(images), extractor.probabilities(images)
    logits = features @ weights["fc.weight"].double().numpy().T
    powers = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(probabilities, powers / powers.sum(1, keepdims=True), rtol=1e-9)
    assert probabilities.shape == (2, OUTPUTS) and probabilities.dtype == np.float64
    np.testing.assert_array_equal(extractor.classify(features), probabilities)
    with pytest.raises(ZaohuaError, match=r"must be \(n, 2048\), not \(2, 64\)"):
        extractor.classify(features[:, :64])


def test_leaves_no_trace_in_the_global_random_state(weights: Weights):
    before = torch.get_rng_state()
    Inception(weights)
    assert torch.equal(before, torch.get_rng_state())


# ---- files


def test_converts_and_loads(
    weights: Weights,
    extractor: Inception,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    source, out = tmp_path / "published.pth", tmp_path / "inception.safetensors"
    counts = {"Conv2d_1a_3x3.bn.num_batches_tracked": torch.tensor(0)}
    torch.save({**weights, **counts}, source, _use_new_zipfile_serialization=False)  # as torch saved in 2020
    assert inception.main([str(source), str(out)]) == 2 and not out.exists()
    assert "isn't the published file" in capsys.readouterr().err
    assert convert(source, out, sha256=hashlib.sha256(source.read_bytes()).hexdigest()) == out
    loaded = Inception.load(out)
    assert loaded.hash == extractor.hash and loaded.name == "inception-2015"
    images = pictures(1, 10, 10, 1)
    np.testing.assert_array_equal(loaded.features(images), extractor.features(images))
    monkeypatch.setattr(inception, "convert", lambda source, out: out)
    assert inception.main([str(source), str(out)]) == 0 and extractor.hash in capsys.readouterr().out


def hollow(**changed: Tensor | None) -> Weights:
    """Weights that take no room in a file, some of them other than they should be."""
    given = {name: torch.zeros(1).expand(shape) for name, shape in shapes().items()} | changed
    return {name: tensor for name, tensor in given.items() if tensor is not None}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fc.weight": None, "fc.bias": None}, r"it has no fc.weight, and 1 more such"),
        ({"fc.weight": torch.zeros(1).expand(1000, 2048)}, r"fc.weight is \(1000, 2048\), not \(1008, 2048\)$"),
        ({"AuxLogits.fc.bias": torch.zeros(1000)}, "it has the unknown entry AuxLogits.fc.bias$"),
        ({"fc.bias": torch.zeros(1008).half()}, "fc.bias is float16, not float32$"),
    ],
)
def test_refuses_other_networks(changed: dict[str, Tensor | None], message: str, tmp_path: Path):
    source = tmp_path / "other.pth"
    torch.save(hollow(**changed), source)
    with pytest.raises(ZaohuaError, match=f"other.pth doesn't hold the Inception network of FID: {message}"):
        convert(source, tmp_path / "out", sha256=None)
    assert not (tmp_path / "out").exists()


class Trap:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("value", [Trap(), [1, 2], {"fc.bias": 3}, b"nothing"])
def test_refuses_pickles_of_other_things_and_runs_none(value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "other.pth"
    source.write_bytes(value) if isinstance(value, bytes) else torch.save(value, source)
    with pytest.raises(ZaohuaError, match="isn.t a state dict of torch"):
        convert(source, tmp_path / "out", sha256=None)
    assert [path.name for path in tmp_path.iterdir()] == ["other.pth"]


def test_what_load_refuses(tmp_path: Path):
    path = tmp_path / "weights"
    with pytest.raises(ZaohuaError, match="can't read .*weights: No such file"):
        Inception.load(path)
    torch.save(hollow(), path)
    with pytest.raises(ZaohuaError, match="isn.t a safetensors file: convert the published one with `python -m"):
        Inception.load(path)
    safetensors.torch.save_file({"fc.bias": torch.zeros(1008)}, path)
    with pytest.raises(ZaohuaError, match="it has no Conv2d_1a_3x3.conv.weight, and 470 more such"):
        Inception.load(path)


def test_says_where_it_cannot_write(tmp_path: Path):
    source = tmp_path / "weights.pth"
    torch.save(hollow(), source)
    with pytest.raises(ZaohuaError, match="can't write .*nowhere"):
        convert(source, tmp_path / "nowhere" / "out", sha256=None)
