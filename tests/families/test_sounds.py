"""Models of samples: cached = uncached, alone = in a batch, exact bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.modalities.sounds.mu_law import LEVELS
from zaohua.modalities.sounds.spectra import mu_law_inverse

rng = np.random.default_rng(0)
LENGTHS = [40 + 5 * (i % 8) for i in range(60)]
SOUNDS = [
    zh.Sound((0.3 * np.sin(0.4 * np.arange(n)) + 0.02 * rng.normal(size=n)).astype(np.float32), 8000) for n in LENGTHS
]


@pytest.fixture(scope="module")
def model() -> Any:
    """A network that sees 7 samples, in windows of 16, of sounds that are longer; in double precision."""
    settings = {
        **zh.WaveNet.tiny,
        "layers": 2,
        "context": 16,
        "max_steps": 150,
        "learning_rate": 2e-2,
        "max_tokens": None,
        "random_state": 0,
        "device": "cpu",
        "precision": "float32",
    }
    model = zh.WaveNet(**settings).fit(SOUNDS)
    model.nets_.double()
    return model


def nats(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """-log p of every token of a row but the first, each from one pass over all that stands before it."""
    logits = model.nets_["net"](tokens[None, :-1])[0]
    return torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="none")


def test_windows_lose_nothing(model: Any) -> None:
    """However long a sound is, its score is that of one pass over the whole of it."""
    codes = model.codec_.encode(SOUNDS[5:9])
    expected = [-float(nats(model, row.long()).sum()) for row in codes]
    assert model.score_samples(SOUNDS[5:9]) == pytest.approx(expected, abs=1e-3)
    bits = -sum(expected) / np.log(2) / sum(LENGTHS[5:9])
    assert model.bits_per_sample(SOUNDS[5:9]) == pytest.approx(bits, rel=1e-5)
    assert bits < 7.5  # it has learnt something: 8.006 is what knows nothing


def test_samples_are_those_of_a_network_without_a_cache(model: Any) -> None:
    made = model.draw(zh.core.noise.ItemNoise([5, 6]), None).long()
    assert made.shape == (2, max(LENGTHS) + 1)
    u = zh.core.noise.ItemNoise([5, 6]).uniform(max(LENGTHS))
    choice, tokens = TokenSampler(), made[:, :1]
    for i in range(made.shape[1] - 1):
        new = choice(model.nets_["net"](tokens)[:, -1], u[:, i], tokens)
        live = made[:, i + 1] >= 0
        assert torch.equal(new[live], made[live, i + 1])
        tokens = torch.cat([tokens, new[:, None]], dim=1)


def test_a_sound_is_the_same_alone_and_in_a_batch(model: Any) -> None:
    many = model.sample(5, random_state=3)
    assert many[:1] == model.sample(1, random_state=3) and many[:3] == model.sample(3, random_state=3)
    assert max(len(sound) for sound in many) <= max(LENGTHS)


def test_max_tokens_ends_a_sound(model: Any) -> None:
    assert all(len(sound) <= 9 for sound in model.sample(4, random_state=0, max_tokens=9))


@pytest.mark.parametrize("labels", [None, [n % 2 for n in LENGTHS]], ids=["alone", "labelled"])
def test_rows_read_from_a_file_are_those_in_memory(labels: list[int] | None) -> None:
    """Bit for bit the same model, steps, validation and scores, and no worker processes."""
    settings = {
        **zh.WaveNet.tiny,
        "layers": 2,
        "context": 16,
        "max_steps": 12,
        "validate_every": 4,
        "random_state": 0,
        "device": "cpu",
        "validation_fraction": 0.1,
        "workers": 2,
    }
    held, filed = (
        zh.WaveNet(**settings, codec=zh.MuLawCodec(memory=memory)).fit(SOUNDS, labels) for memory in (None, 0.0)
    )
    weights = held.nets_.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in filed.nets_.state_dict().items())
    assert (
        [record["validation"] for record in held.history_ if "validation" in record]
        == [record["validation"] for record in filed.history_ if "validation" in record]
        != []
    )
    assert np.array_equal(held.score_samples(SOUNDS[:5]), filed.score_samples(SOUNDS[:5]))


def test_rows_are_no_copies() -> None:
    """A row is made when it is asked for: what is kept of all is where they are."""
    model = zh.WaveNet(**{**zh.WaveNet.tiny, "context": 16, "layers": 2})
    codes = zh.MuLawCodec().fit(SOUNDS).encode(SOUNDS)
    rows = model.rows(zh.estimator.encoding.TrainingData(codes, None)).x
    whole = [token for row in rows[np.arange(len(rows))] for token in row[1:].tolist() if token >= 0]
    assert whole == [token for item in codes for token in item[1:].tolist()]  # each token is learnt once
    before, tokens = rows[[0]], codes.stream
    tokens[3] += 1
    assert rows[[0]][0, 3] == before[0, 3] + 1


def test_no_sound_is_empty() -> None:
    """Of a network that wants every sound to end at once each has one sample, and the scores of all such sum to one."""
    model = zh.WaveNet(**{**zh.WaveNet.tiny, "max_steps": 1, "random_state": 0})
    model.fit(SOUNDS, [n % 2 for n in LENGTHS])
    head, end = model.nets_["net"].head, model.codec_.end_
    head.bias.copy_(20.0 * (torch.arange(end + 1) == end))
    for options in ({"guidance": 3.0}, {"temperature": 100.0, "max_tokens": 1}, {"temperature": 0.0}):
        assert {len(sound) for sound in model.sample(50, random_state=0, **options)} == {1}
    levels = [zh.Sound(wave, 8000) for wave in mu_law_inverse(torch.arange(LEVELS)[:, None]).numpy()]
    for y in (0, 1):
        assert np.exp(model.score_samples(levels, [y] * LEVELS)).sum() == pytest.approx(1, abs=1e-5)


def test_a_context_that_layers_see_beyond_says_what_to_do() -> None:
    with pytest.raises(ZaohuaError, match="2 stacks of 3 layers see 15 .* context must be at least 30, not 29"):
        zh.WaveNet(**{**zh.WaveNet.tiny, "context": 29}).fit(SOUNDS)
