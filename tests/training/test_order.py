"""Which items a step sees: every epoch a permutation, processes side by side, from files as from memory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from zaohua.training.order import Batches, grouped_split, sampler


@pytest.mark.parametrize(("n", "batch"), [(10, 5), (10, 3), (3, 10), (7, 7), (1, 4)])
def test_each_epoch_is_a_permutation_in_an_order_of_its_own(n: int, batch: int) -> None:
    row = np.concatenate([sampler(0, start, batch, n) for start in range(0, 20 * n * batch, batch)])
    epochs = row[: len(row) // n * n].reshape(-1, n)
    assert (np.sort(epochs) == np.arange(n)).all()
    if n > 3:
        assert len({tuple(epoch) for epoch in epochs}) > 10


def test_items_depend_on_seed_and_position_alone() -> None:
    assert np.array_equal(sampler(3, 17, 30, 11), np.concatenate([sampler(3, 17, 8, 11), sampler(3, 25, 22, 11)]))
    assert not np.array_equal(sampler(3, 0, 11, 11), sampler(4, 0, 11, 11))


def test_parts_of_a_whole_are_drawn_together() -> None:
    alone, rest = grouped_split(40, 8, 5)
    order = np.random.default_rng(5).permutation(40)
    assert np.array_equal(alone, np.sort(order[:8])) and np.array_equal(rest, np.sort(order[8:]))
    groups = np.repeat(np.arange(4), 10)[np.random.default_rng(0).permutation(40)]
    for seed in range(5):
        held, kept = grouped_split(40, 14, seed, groups)
        assert sorted([*held, *kept]) == [*range(40)] and len(held) == 14
        both = set(groups[held]) & set(groups[kept])
        assert len(set(groups[held])) == 2 and len(both) == 1
        parts = np.flatnonzero(groups == both.pop())
        assert np.array_equal(parts[:4], np.intersect1d(parts, held))
    assert np.array_equal(grouped_split(40, 6, 0, groups * 0)[0], np.arange(6))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_see_disjoint_parts_of_what_one_would(world: int) -> None:
    items = np.arange(100, 137)
    data, size = torch.arange(200), 12 // world
    alone = Batches(data, None, items, 7, 12)
    parts = [Batches(data, None, items, 7, size, rank=rank, world=world) for rank in range(world)]
    for draw in range(10):
        assert np.array_equal(np.concatenate([part.indices(draw) for part in parts]), alone.indices(draw))
    epoch = [i for draw in range(3) for part in parts for i in part.indices(draw)]  # 36 of 37
    assert len(set(epoch)) == 36 and set(epoch) <= set(items)


class Files:
    """Codes that are gathered when asked for, as from disk."""

    def __len__(self) -> int:
        return 50

    def __getitem__(self, indices: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(indices)[:, None] * 10


@pytest.mark.parametrize("workers", [0, 2])
def test_codes_from_files_come_as_those_in_memory(workers: int) -> None:
    items, y = np.arange(5, 45), torch.arange(50) % 7
    memory = Batches(Files()[np.arange(50)], y, items, 1, 8)
    files = Batches(Files(), y, items, 1, 8, workers=workers)
    assert files.workers == workers
    for (x, label), (x_too, label_too) in itertools.islice(zip(memory.stream(3), files.stream(3), strict=True), 8):
        assert torch.equal(x, x_too) and torch.equal(label, label_too)
        assert torch.equal(x[:, 0] // 10 % 7, label)


def test_items_come_up_as_often_as_their_weights_say() -> None:
    items, weights = np.arange(10, 15), np.array([0.0, 1.0, 2.5, 0.5, 6.0])
    batches = Batches(torch.arange(20), None, items, 3, 5, weights=weights)
    epochs = np.stack([batches.indices(draw) for draw in range(400)])
    counts = (epochs[:, :, None] == items).sum(1)
    shares = 5 * weights / weights.sum()
    assert (counts >= np.floor(shares)).all() and (counts <= np.ceil(shares)).all()
    np.testing.assert_allclose(counts.mean(0), shares, atol=0.02)
    alike = Batches(torch.arange(20), None, items, 3, 5, weights=np.ones(5))
    plain = Batches(torch.arange(20), None, items, 3, 5)
    assert all(np.array_equal(alike.indices(draw), plain.indices(draw)) for draw in range(20))
