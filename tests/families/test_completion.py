"""Unknown pixels given known ones: exactly in raster order, by particles elsewhere, against sums over all pictures."""

from __future__ import annotations

import pytest
import torch

from tests.families.test_pixels import MODELS, pictures, untrained
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise

N = 1000
UPPER = torch.tensor([[True, True], [False, False]])
LOWER = ~UPPER


def completed(name: str, known: torch.Tensor, particles: int, levels: int = 2) -> tuple[float, float]:
    """Distance in total variation of what is drawn from p(picture | known), and that of as many exact draws."""
    spec, x = pictures(1, *known.shape, levels)
    model = untrained(name, spec, False, particles=particles)
    with torch.no_grad():
        p = model.log_prob(x, None, BatchNoise(0, len(x))).double().exp()
        given = x[int(p.argmin())].expand(N, -1, -1, -1)  # what is known is unlikely, so that it tells much
        agree = ((x == given[:1]) | ~known).flatten(1).all(1)
        p = torch.where(agree, p, 0.0) / p[agree].sum()
        drawn = model.complete(given, known.expand(N, 1, -1, -1), BatchNoise(1, N), None, False)
    assert torch.equal(drawn[:, 0, known], given[:, 0, known])
    share = ((drawn[:, None] - x[None]).abs() < 1e-4).flatten(2).all(2).double().mean(0)
    again = torch.bincount(torch.multinomial(p, N, True, generator=torch.Generator().manual_seed(0)), minlength=len(p))
    return float((share - p).abs().sum() / 2), float((again / N - p).abs().sum() / 2)


@pytest.mark.parametrize("name", MODELS)
def test_lower_rows_are_drawn_exactly(name: str) -> None:
    found, exact = completed(name, UPPER, particles=1)
    assert found < exact + 0.02


@pytest.mark.parametrize("name", MODELS)
def test_upper_rows_are_drawn_the_better_the_more_particles(name: str) -> None:
    one, _ = completed(name, LOWER, particles=1)
    many, exact = completed(name, LOWER, particles=32)
    assert many < exact + 0.03 < one


def test_items_are_the_same_alone_and_all_hidden_is_a_sample() -> None:
    spec, x = pictures(1, 2, 3, 4)
    model, noise = untrained("PixelCNN", spec, True, guidance=2.0), [3, 4, 5]
    y, known = torch.tensor([0, 2, 1]), torch.zeros(3, 1, 2, 3, dtype=torch.bool)
    known[0, :, 0], known[1, :, 1] = True, True  # exact, by particles, and nothing known
    with torch.no_grad():
        found = model.complete(x[[7, 50, 99]], known, ItemNoise(noise), y, False)
        for i in range(3):
            alone = model.complete(
                x[[7, 50, 99]][i : i + 1], known[i : i + 1], ItemNoise(noise[i : i + 1]), y[i : i + 1], False
            )
            assert torch.allclose(alone, found[i : i + 1], atol=1e-6)
        assert torch.equal(found[2:], model.draw(ItemNoise(noise[2:]), y[2:]))
    assert model.completes_exactly(known).tolist() == [True, False, True]


def test_channels_drawn_together_are_known_together() -> None:
    spec, x = pictures(3, 1, 2, 2)
    known = torch.zeros(1, 3, 1, 2, dtype=torch.bool)
    known[:, 0] = True
    with pytest.raises(ZaohuaError, match="known or hidden as a whole"):
        untrained("PixelCNN", spec, False).complete(x[:1], known, ItemNoise([0]), None, False)
    with torch.no_grad():
        found = untrained("MADE", spec, False).complete(x[:1], known, ItemNoise([0]), None, False)
    assert torch.equal(found[:, 0], x[:1, 0])
