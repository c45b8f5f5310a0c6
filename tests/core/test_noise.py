"""Noise: slices of one batch for training, a generator of its own for each item otherwise."""

from __future__ import annotations

import pytest
import torch

from zaohua.core.noise import BatchNoise, ItemNoise, categorical, derive_seed, seeds_for, seeds_from_content


def draws(noise: BatchNoise | ItemNoise) -> list[torch.Tensor]:
    p = torch.linspace(0, 1, 21).expand(noise.n, -1)
    return [noise.normal(3), noise.uniform(), noise.normal(2, 2), noise.uniform(1), noise.bernoulli(p)]


def test_parts_of_a_batch_draw_what_the_whole_does() -> None:
    whole = draws(BatchNoise(5, 12))
    for size in (3, 6, 12):
        parts = [draws(BatchNoise(5, size, start, 12)) for start in range(0, 12, size)]
        for i, expected in enumerate(whole):
            assert torch.equal(torch.cat([part[i] for part in parts]), expected)
    assert not torch.equal(draws(BatchNoise(6, 12))[0], whole[0])


def test_places_are_drawn_by_their_weights() -> None:
    weights = torch.tensor([0.0, 1.0, 0.0, 2.0, 1.0, 0.0])
    u = torch.arange(1000) / 1000
    places = categorical(weights.expand(1000, -1), u)
    assert torch.bincount(places, minlength=6).tolist() == [0, 250, 0, 500, 250, 0] and places[250] == 3
    below = torch.searchsorted(weights.cumsum(0), 4 * u, right=True)
    assert torch.equal(places, below) and (places.diff() >= 0).all()
    pixels = categorical(weights[None, :, None, None].expand(1, -1, 20, 50), u.view(1, 20, 50))
    assert torch.equal(pixels.flatten(), places)


def test_an_item_comes_out_the_same_wherever_it_is() -> None:
    seeds = seeds_for(0, 5)
    whole = draws(ItemNoise(seeds))
    for order in ([2], [4, 0], [1, 3, 2, 0, 4]):
        for part, expected in zip(draws(ItemNoise([seeds[i] for i in order])), whole, strict=True):
            assert torch.equal(part, expected[order])
    assert whole[0].shape == (5, 3) and whole[1].shape == (5,) and len(set(whole[1].tolist())) == 5


@pytest.mark.parametrize("make", [lambda n: BatchNoise(1, n), lambda n: ItemNoise(seeds_for(1, n))])
def test_distributions(make) -> None:
    noise = make(100)
    normal, uniform = noise.normal(100), noise.uniform(100)
    assert abs(float(normal.mean())) < 0.05 and abs(float(normal.std()) - 1) < 0.05
    assert 0 <= float(uniform.min()) and float(uniform.max()) < 1 and abs(float(uniform.mean()) - 0.5) < 0.02
    assert noise.normal(0).shape == (100, 0)
    p = torch.linspace(0, 1, 9).expand(100, 1000, 9)
    share = noise.bernoulli(p).float().mean((0, 1))
    assert float((share - p[0, 0]).abs().max()) < 0.008 and float(share[0]) == 0 and float(share[-1]) == 1


def test_seeds() -> None:
    assert derive_seed(1, "noise", 2) == derive_seed("1", "noise", "2") != derive_seed(1, "noise", 3)
    assert derive_seed("a/b") >= 0 and derive_seed(0, "init") == 3912388711783151084  # the same in every version
    assert seeds_for(3, 10)[:4] == seeds_for(3, 4) and len(set(seeds_for(3, 100))) == 100
    assert seeds_for(None, 2) != seeds_for(None, 2)


def test_seeds_from_content_follow_the_item() -> None:
    items = torch.randint(0, 255, (6, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seeds = seeds_from_content(items, 1)
    assert seeds_from_content(items.flip(0), 1) == seeds[::-1] and len(set(seeds)) == 6
    assert seeds_from_content(items.transpose(1, 2).contiguous().transpose(1, 2), 1) == seeds
    assert seeds_from_content(items, 2) != seeds
