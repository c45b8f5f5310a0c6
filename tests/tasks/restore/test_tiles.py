"""Grids larger than a model's items: tiles without seams, on the CPU, a batch at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import zaohua as zh
from tests.tasks.restore.exact import Near, Normal, fitted, pictures
from zaohua.estimator.denoiser import Denoiser
from zaohua.families.schedules import RectifiedFlow
from zaohua.tasks.restore.tiles import Tiles, batches, tiled

CPU = torch.device("cpu")


@pytest.mark.parametrize("shape", [(8, 8), (9, 23), (40, 8), (15, 15)])
@pytest.mark.parametrize("offset", [0, 3])
def test_weights_add_up_to_one_and_no_tile_reaches_beyond(shape: tuple[int, int], offset: int) -> None:
    total = torch.zeros(shape)
    tiles = Tiles(shape, (8, 8), offset)
    for place, weights in tiles:
        assert all(part.stop - part.start == 8 for part in place) and weights.shape == (8, 8)
        total[place] += weights
    torch.testing.assert_close(total, torch.ones(shape))
    assert batches(shape, (8, 8), 4) == -(-len(Tiles(shape, (8, 8))) // 4)


def test_tiles_of_sounds_and_volumes_work_alike() -> None:
    for shape in ((21,), (9, 10, 11)):
        total = torch.zeros(shape)
        for place, weights in Tiles(shape, (6,) * len(shape)):
            total[place] += weights
        torch.testing.assert_close(total, torch.ones(shape))


def identity() -> Denoiser:
    def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        assert x_t.shape[2:] == (8, 8) and len(x_t) <= 5
        return x_t, x_t

    return Denoiser(RectifiedFlow(), predict)


@pytest.mark.parametrize("shape", [(8, 8), (30, 17), (3, 20), (1, 9), (1, 1), (2, 2)])
def test_any_size_is_put_together_again(shape: tuple[int, int]) -> None:
    x = torch.randn(1, 2, *shape)
    data, e = tiled(identity(), (8, 8), CPU, 5)(x, 0.5)
    torch.testing.assert_close(data, x)
    torch.testing.assert_close(e, x)  # (x_t - alpha data) / sigma


def test_short_sides_are_continued_by_reflection() -> None:
    seen: list[Tensor] = []

    def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(x_t)
        return x_t, x_t

    tiled(Denoiser(RectifiedFlow(), predict), (1, 8), CPU, 5)(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 0.5)
    assert seen[0].flatten().tolist() == [1, 2, 3, 2, 1, 2, 3, 2]


SIDE = 16


def smooth() -> np.ndarray:
    """A smooth picture, four times as high as a tile."""
    return 128 + 60 * np.sin(np.add.outer(np.arange(4 * SIDE), np.arange(SIDE)) / 30)[None]


def steps(picture: np.ndarray) -> tuple[float, float]:
    """Mean differences of neighbours across the first edges of tiles, and elsewhere but for the picture's own edge."""
    differences = np.abs(np.diff(picture.astype(float), axis=0)).mean(1)[SIDE // 4 :]
    edges = np.arange(SIDE // 4 + 1, len(picture)) % (SIDE // 2) == 0
    return float(differences[edges].mean()), float(differences[~edges].mean())


@pytest.mark.parametrize("degradation", ["noise 5", "downscale 2"])
def test_there_is_no_step_at_the_edges_of_tiles(degradation: str) -> None:
    """The model sees black beyond the first edges of a tile: side by side, tiles would begin darker."""
    model, seen = fitted(Near, size=SIDE), smooth()
    if degradation == "downscale 2":
        seen = seen.reshape(1, 2 * SIDE, 2, SIDE // 2, 2).mean((2, 4))
    edges, elsewhere = steps(zh.restore(model, seen, degradation, steps=4, random_state=0).best[0])
    assert edges < 1.3 * elsewhere
    rows = [zh.restore(model, seen[:, at : at + SIDE], "noise 5").best[0] for at in range(0, seen.shape[1], SIDE)]
    if degradation == "noise 5":
        assert steps(np.concatenate(rows))[0] > 5 * steps(np.concatenate(rows))[1]


def test_another_offset_of_the_tiles_gives_nearly_the_same() -> None:
    model, x = fitted(Near, size=SIDE), torch.from_numpy(smooth()[None] / 128 - 1).float()
    first, second = (
        tiled(model.denoiser(), (SIDE, SIDE), CPU, 64, offset=offset)(x, torch.tensor(0.1))[0] for offset in (0, 3)
    )
    apart = model.denoiser()(x[..., SIDE : 2 * SIDE, :], torch.tensor(0.1))[0]
    inner = slice(SIDE, -SIDE)
    one_tile = (apart - first[..., SIDE : 2 * SIDE, :]).abs().max()
    assert 0 < float((first - second)[..., inner, :].abs().max()) < 0.1 * float(one_tile)


def test_a_large_picture_is_denoised_as_small_ones_are_where_pixels_are_independent() -> None:
    model, truth = fitted(Normal, channels=3), pictures(1, 19, 26, 3)
    whole = zh.restore(model, truth, "noise 30", batch_size=3).best
    part = zh.restore(model, truth[:, 4:12, 9:17], "noise 30").best
    assert np.abs(whole[:, 4:12, 9:17].astype(int) - part).max() <= 1


@pytest.mark.parametrize("size", [(70, 50), (6, 40)])  # larger than tiles, and smaller on one side
def test_only_tiles_with_holes_are_computed_and_the_answer_is_the_same(size, monkeypatch: pytest.MonkeyPatch) -> None:
    model, truth, seen = fitted(Near, size=SIDE), pictures(1, *size), np.ones(size, bool)
    seen[2:5, 30:35] = False
    told: list[tuple[int, int]] = []
    restored = zh.restore(
        model, truth, mask=seen, steps=3, random_state=0, batch_size=1, progress=lambda *done: told.append(done)
    )
    whole = tuple(max(n, SIDE) for n in size)
    assert told[-1] == (told[-1][1],) * 2 and 0 < told[-1][1] < 0.7 * 3 * len(Tiles(whole, (SIDE, SIDE)))
    monkeypatch.setattr("zaohua.tasks.restore.denoiser._Denoising._sought", lambda *_: None)
    slow = zh.restore(model, truth, mask=seen, steps=3, random_state=0, batch_size=1)
    assert np.abs(restored.best.astype(int) - slow.best).max() <= 1
    assert (restored.best != truth).any()


def test_stopping_leaves_nothing_behind() -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zh.restore(fitted(Normal), pictures(1, 40, 40), "noise 30", batch_size=4, progress=stop)


def test_pictures_that_memory_cannot_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaohua.core.memory.free_memory", lambda: 1 << 20)
    with pytest.raises(zh.ZaohuaError, match="300 x 300 pixels takes at least .* of memory, and 1 MiB are free"):
        zh.restore(fitted(Normal), np.zeros((1, 300, 300), np.uint8), "noise 30")
