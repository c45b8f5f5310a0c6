"""Estimates of the noise in something that is seen."""

from __future__ import annotations

import pytest
import torch

from zaohua.operators.estimating import noise_level


def smooth(*shape: int) -> torch.Tensor:
    """Waves that are long beside a value."""
    grids = torch.meshgrid(*(torch.arange(n) / (9 if len(shape) > 1 else 90) for n in shape), indexing="ij")
    return 0.6 * torch.sin(torch.stack(grids).sum(0))[None, None]


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(4000,), (64, 64), (16, 16, 16)])
@pytest.mark.parametrize("sigma", [0.03, 0.3, 1.5])
def test_noise_is_found_in_smooth_items_of_any_number_of_axes(shape: tuple[int, ...], sigma: float) -> None:
    x = smooth(*shape) + sigma * normal(1, 3, *shape)
    assert noise_level(x).shape == (1, 1, *[1] * len(shape))
    assert float(noise_level(x)) == pytest.approx(sigma, rel=0.08)


def test_each_item_has_its_own() -> None:
    x = smooth(64, 64) + torch.tensor([0.1, 0.4]).view(2, 1, 1, 1) * normal(2, 1, 64, 64)
    assert noise_level(x).flatten().tolist() == pytest.approx([0.1, 0.4], rel=0.08)


def test_edges_hardly_matter_and_there_may_be_no_noise() -> None:
    x = (torch.arange(64) // 16 % 2 - 0.5).expand(1, 1, 64, 64)
    assert float(noise_level(x)) == 0
    assert float(noise_level(x + 0.2 * normal(1, 1, 64, 64))) == pytest.approx(0.2, rel=0.1)


def test_values_that_are_cut_off_at_the_ends_of_the_range_do_not_count() -> None:
    x = torch.where(torch.arange(64) < 40, torch.tensor(-1.0), torch.tensor(0.0)).expand(1, 1, 64, 64)
    noisy = (x + 0.3 * normal(1, 1, 64, 64)).clamp(-1, 1)
    assert float(noise_level(noisy)) == pytest.approx(0.3, rel=0.2)


def test_hidden_values_do_not_count() -> None:
    seen = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    seen[..., 20:] = False
    x = smooth(64, 64) + 0.1 * normal(1, 1, 64, 64)
    x[..., 20:] = 5 * normal(1, 1, 64, 44)
    assert float(noise_level(x, seen)) == pytest.approx(0.1, rel=0.1)


def test_small_things_have_estimates() -> None:
    for shape in ((1, 1), (1, 2), (2, 1), (3,)):
        assert noise_level(normal(1, 1, *shape)).isfinite().all()
    assert float(noise_level(normal(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.bool))) == 0
