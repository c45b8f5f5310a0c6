from __future__ import annotations

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.wavegan import PhaseShuffle, WaveDiscriminator, WaveGenerator, lengths

LABEL = DataSpec((), (), (Feature("label", "category", 10),))
TEXT = DataSpec(("time",), None, (Feature("token", "category", 20),), pad=20)


def wave(samples: int, channels: int = 1) -> DataSpec:
    return DataSpec(("time",), (samples,), (Feature("sample", "real", channels),))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [256, 512, 768, 7424, 8192, 300, 5, 1])
def test_shapes(samples: int, channels: int) -> None:
    spec = wave(samples, channels)
    x = WaveGenerator(spec, LABEL, in_dim=6, channels=2)(torch.randn(2, 6), torch.arange(2))
    assert x.shape == (2, channels, samples)
    assert WaveDiscriminator(spec, LABEL, channels=2)(x, torch.arange(2)).shape == (2, 1)


def test_the_network_of_the_paper() -> None:
    """Tables 3 and 4 of the paper: five convolutions of 25 by 4, 16 x 1024 numbers at the lowest resolution."""
    generator, discriminator = WaveGenerator(wave(16384), in_dim=100), WaveDiscriminator(wave(16384))
    assert lengths(16384) == [16384, 4096, 1024, 256, 64, 16]
    assert generator.stem.out_features == discriminator.head.in_features == 16 * 1024
    up = [m for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels) for m in up] == [(1024, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    down = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in down] == [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    assert all((m.kernel_size, m.stride) == ((1, 25), (1, 4)) for m in (*up, *down))


@pytest.mark.parametrize("y_spec", [None, LABEL, TEXT, wave(300, 2)], ids=["none", "label", "text", "wave"])
def test_every_parameter_learns(y_spec: DataSpec | None) -> None:
    y, keep = None, torch.tensor([True, True, True, False])
    if y_spec is not None:
        shape = (5,) if y_spec.shape is None else y_spec.tensor_shape
        y = torch.randint(10, (4, *shape)) if y_spec.is_category else torch.randn(4, *shape)
    generator = WaveGenerator(wave(512), y_spec, in_dim=6, channels=4)
    discriminator = WaveDiscriminator(wave(512), y_spec, channels=4)
    discriminator(generator(torch.randn(4, 6), y, keep), y, keep).pow(3).sum().backward()
    for net in (generator, discriminator):
        assert not [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]


def test_gradient_penalty() -> None:
    """The gradient of |grad_x D|^2 exists and agrees with finite differences."""
    torch.manual_seed(0)
    critic = WaveDiscriminator(wave(256), LABEL, channels=4, shuffle=0).double()
    x, y, weight = torch.randn(3, 1, 256, dtype=torch.float64), torch.arange(3), critic.downs[0].weight

    def penalty() -> torch.Tensor:
        points = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(critic(points, y).sum(), points, create_graph=True)
        return slope.square().sum()

    (gradient,) = torch.autograd.grad(penalty(), weight)
    step = torch.zeros_like(weight)
    step[0, 0, 0, 3] = 1e-6
    values = []
    for sign in (1, -2):
        weight.data += sign * step
        values.append(penalty().item())
    assert gradient[0, 0, 0, 3].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-3)


def test_conditions_matter_and_can_be_dropped() -> None:
    generator, discriminator = WaveGenerator(wave(256), LABEL, in_dim=3), WaveDiscriminator(wave(256), LABEL)
    y, keep = torch.arange(4), torch.tensor([True, False, True, False])
    for net, x in ((generator, torch.randn(4, 3)), (discriminator.eval(), torch.randn(4, 1, 256))):
        some, every, none = net(x, y, keep), net(x, y), net(x)
        torch.testing.assert_close(some[keep], every[keep])
        torch.testing.assert_close(some[~keep], none[~keep])
        assert not torch.allclose(every, none)


def test_phase_shuffle_moves_and_reflects_in_training_only() -> None:
    shuffle, x = PhaseShuffle(2), torch.arange(5.0).view(1, 1, 1, 5)
    moved = {(2, 1, 0, 1, 2), (1, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 3), (2, 3, 4, 3, 2)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        seen = [tuple(shuffle(x).flatten().int().tolist()) for _ in range(100)]
        torch.manual_seed(0)
        assert seen == [tuple(shuffle(x).flatten().int().tolist()) for _ in range(100)]
    assert set(seen) == moved
    assert torch.equal(shuffle.eval()(x), x) and torch.equal(PhaseShuffle(0)(x), x)
    assert torch.equal(PhaseShuffle(2)(x[..., :1]), x[..., :1])


def test_phase_shuffle_changes_scores_in_training_only() -> None:
    critic, x = WaveDiscriminator(wave(512), channels=4), torch.randn(2, 1, 512)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert len({critic(x).sum().item() for _ in range(20)}) > 1
    critic.eval()
    torch.testing.assert_close(critic(x), critic(x), rtol=0, atol=0)


def test_variance_is_about_kept() -> None:
    torch.manual_seed(0)
    assert 0.2 < WaveGenerator(wave(8192), in_dim=32, channels=8)(torch.randn(16, 32)).std() < 3
    smooth = torch.nn.functional.interpolate(torch.randn(16, 1, 64), scale_factor=128)
    assert 0.2 < WaveDiscriminator(wave(8192), channels=8)(smooth).std() < 5
