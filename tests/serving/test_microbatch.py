"""Items that are made in one batch are those that are made alone; requests that can't share one don't."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import torch

from tests.serving.engines import engine, model, run
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.serving.work import Full, ItemsWork

WORKS = [
    ItemsWork(1, 1),
    ItemsWork(3, 2),
    ItemsWork(2, 3, "class b"),
    ItemsWork(2, 4, ["class a", "class c"]),
    ItemsWork(1, 5, None, {"steps": 2}),
    ItemsWork(1, 6, "class c", {"steps": 2}),
    ItemsWork(7, 7),
]


async def together(name: str, works: list[ItemsWork], **settings: Any) -> list[Any]:
    async with engine(name, **settings) as made:
        found = await asyncio.gather(*map(made.make, works))
        assert (made.running, made.waiting) == (0, 0)
        return found


def alone(name: str, work: ItemsWork) -> Any:
    return model(name).sample(work.n, y=work.y, random_state=work.seed, **work.options)


@pytest.mark.parametrize("batch", [64, 4])
@pytest.mark.parametrize("name", ["flow", "ddpm"])
def test_pictures(name: str, batch: int) -> None:
    for found, work in zip(run(together(name, WORKS, batch=batch)), WORKS, strict=True):
        want = alone(name, work)
        assert found.shape == want.shape and found.dtype == want.dtype
        assert np.abs(found.astype(int) - want).max() <= 1  # products of other sizes are rounded otherwise


@pytest.mark.parametrize("name", ["gmm", "independent", "music-gpt", "wavenet", "vae-sounds"])
def test_other_kinds(name: str) -> None:
    works = [ItemsWork(2, 1), ItemsWork(1, 2), ItemsWork(3, 3)]
    for found, work in zip(run(together(name, works)), works, strict=True):
        want = alone(name, work)
        assert type(found) is type(want) and len(found) == len(want)
        for one, other in zip(np.asarray(found, object).ravel(), np.asarray(want, object).ravel(), strict=True):
            assert one == other or one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_requests_of_equal_options_share_a_batch(monkeypatch: Any) -> None:
    sizes, seen = list[int](), model("flow")
    draw = type(seen).draw

    def counted(self: Any, noise: ItemNoise, y: Any) -> torch.Tensor:
        sizes.append(noise.n)
        found: torch.Tensor = draw(self, noise, y)
        return found

    async def found() -> None:
        async with engine("flow", batch=8) as made:
            monkeypatch.setattr(type(seen), "draw", counted)
            await asyncio.gather(*map(made.make, WORKS))

    run(found())
    # 1 + 3 + 4 of 7 without conditions; 2 + 2 with; 1; 1; the other 3 of 7
    assert sorted(sizes) == [1, 1, 3, 4, 8]


def test_what_cannot_be_done_is_told_and_harms_nobody() -> None:
    bad = [ItemsWork(1, 1, "class z"), ItemsWork(1, 1, None, {"sugar": 1}), ItemsWork(2, 1, ["class a"])]

    async def found() -> Any:
        async with engine("flow") as made:
            results = await asyncio.gather(*map(made.make, [*bad, WORKS[0]]), return_exceptions=True)
            with pytest.raises(ZaohuaError, match="writes no texts"):
                await made.call(lambda model: 1 / 0 if model is None else _refuse())
            return results

    *errors, good = run(found())
    assert all(isinstance(error, ZaohuaError) for error in errors)
    assert np.abs(good.astype(int) - alone("flow", WORKS[0])).max() <= 1


def _refuse() -> None:
    raise ZaohuaError("it writes no texts")


def test_a_model_without_samples_says_so() -> None:
    async def found() -> None:
        async with engine("vocoder") as made:
            await made.make(ItemsWork(1))

    with pytest.raises(Exception, match="can't sample"):
        run(found())


def test_functions_of_the_model_are_computed_between_batches() -> None:
    one = model("gpt")

    async def found() -> Any:
        async with engine("gpt", queue=3) as made:
            tasks = [asyncio.ensure_future(made.call(lambda m: m.score_samples(["a e"], ["class a"]), 1)) for _ in "ab"]
            await asyncio.sleep(0)
            with pytest.raises(Full):
                await made.call(lambda m: 1, 2)
            return await asyncio.gather(*tasks)

    for score in run(found()):
        np.testing.assert_allclose(score, one.score_samples(["a e"], ["class a"]))
