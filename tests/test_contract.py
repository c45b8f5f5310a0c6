"""The contract that every model must pass, whatever its family. A new model is tested here without editing a test."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import zaohua as zh
from tests.sounds import RATE, tone
from zaohua.core import registry
from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.params import fields_of
from zaohua.core.primitives import PRIMITIVES
from zaohua.core.stored import declared
from zaohua.modalities.datasets import load

KINDS = {
    "ImageCodec": "images",
    "MelCodec": "sounds",
    "SpectrumCodec": "complex spectrograms",
    "WaveCodec": "waves",
    "MuLawCodec": "mu-law",
    "TextCodec": "texts",
    "MusicCodec": "music",
    "RollCodec": "rolls",
    "TableCodec": "tables",
    "NumberCodec": "numbers",
}
"""What the data are called here that a codec takes."""
MODELS = [
    (entry.name, kind)
    for entry in registry.entries()
    if "draw" in entry.primitives
    for kind in dict.fromkeys(
        [KINDS[entry.codecs[0]], *(KINDS[c] for c in entry.codecs if c in ("MelCodec", "WaveCodec"))]
    )
]
"""Every model that makes items, on the first kind of data that it takes, and on sounds where it takes them."""
NOT_KEPT = {"run_", "history_", "acceptance_rate_", "steps_"}
"""Where it was loaded from, what a run's folder holds in a file of its own, and what the last call left."""
CALLS = {"draw": "sample", "log_prob": "score_samples", "encode": "transform", "decode": "inverse_transform"}


Data = tuple[Any, Any]
"""Items of a model's kind of data, and labels d0 ... d9."""


@functools.cache
def data_of(name: str, kind: str) -> Data:
    """200 items of a kind, as a model takes them."""
    images, numbers = load("digits", "train")
    labels = np.array([f"d{label}" for label in numbers[:200]])
    if kind == "texts":
        return [f"{label} is {'odd' if int(label[1]) % 2 else 'even'}." * 3 for label in labels], labels
    if kind == "numbers":
        return numbers_of(getattr(zh, name)().support), labels
    if kind in ("music", "rolls"):
        return [zh.Piece.from_voices(np.array([[72, 60], [72, 64]]) + int(label[1])) for label in labels], labels
    if kind in ("sounds", "waves", "mu-law"):
        return [zh.Sound(tone(100 + 20 * int(label[1]) + i % 8), RATE) for i, label in enumerate(labels)], labels
    if kind == "tables":
        return table_of(labels), labels
    return images[:200], labels


def table_of(labels: np.ndarray) -> pd.DataFrame:
    """A row of every kind of column for each label."""
    rng, digit = np.random.default_rng(0), np.array([int(label[1]) for label in labels])
    return pd.DataFrame(
        {
            "length": digit + rng.normal(size=len(digit)),
            "count": digit * 10 + rng.integers(0, 30, len(digit)),
            "parity": np.where(digit % 2, "odd", "even"),
            "high": digit > 4,
            "note": np.where(rng.random(len(digit)) < 0.3, None, np.where(digit > 4, "many", "few")),
            "day": pd.Timestamp("2024-02-28") + pd.to_timedelta(digit, "D"),
        }
    )


def numbers_of(support: Any) -> np.ndarray:
    """200 rows of two numbers that a distribution of one can give."""
    u = np.random.default_rng(0).random((200, 2))
    if support.integer:
        return np.minimum(support.low + np.floor(3 * u), support.high)
    return u if support.high == 1 else np.exp(u)


@functools.cache
def fit(name: str, kind: str) -> Any:
    """A conditional model, trained for a moment."""
    return make(name).fit(*data_of(name, kind))


@pytest.fixture(params=MODELS, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A model, and the kind of data that it is run on."""
    return request.param


@pytest.fixture
def name(case: tuple[str, str]) -> str:
    return case[0]


@pytest.fixture
def digits(case: tuple[str, str]) -> Data:
    return data_of(*case)


@pytest.fixture
def fitted(case: tuple[str, str]) -> dict[str, Any]:
    return {case[0]: fit(*case)}


def equal(a: Any, b: Any) -> bool:
    """Whether two samples are equal."""
    if isinstance(a, list):
        return a == b
    return bool(a.equals(b)) if isinstance(a, pd.DataFrame) else np.array_equal(a, b)


def same(a: Any, b: Any) -> bool:
    """Whether two samples are equal, up to the rounding of batched arithmetic."""
    if isinstance(a, list) and isinstance(a[0], zh.Sound):
        return all(np.allclose(one, other, atol=1e-2) for one, other in zip(a, b, strict=True))
    if isinstance(a, list):
        return a == b
    if isinstance(a, pd.DataFrame):
        a, b = a.reset_index(drop=True), b.reset_index(drop=True)
        return all(
            np.allclose(a[c], b[c], rtol=1e-3, atol=1) if a[c].dtype.kind in "fi" else a[c].equals(b[c]) for c in a
        )
    return a.shape == b.shape and np.abs(a.astype(int) - b.astype(int)).max() <= 1


def make(name: str, **fields: Any) -> Any:
    cls = getattr(zh, name)
    return cls(random_state=0, **{**cls.tiny, **fields})


class TestEveryModel:
    def test_declares_its_fields(self, name: str) -> None:
        cls = getattr(zh, name)
        for field in fields_of(cls).values():
            assert field.help and field.help.endswith("."), f"{name}.{field.name} needs a sentence of help"
        assert "Paper:" in cls.__doc__, f"{name} must name its paper"
        assert set(cls.tiny) <= set(fields_of(cls))

    def test_is_a_scikit_learn_estimator(self, name: str) -> None:
        model = make(name)
        copy = clone(model)
        assert copy.get_params() == model.get_params() and copy is not model
        assert copy.set_params(random_state=3).random_state == 3
        with pytest.raises(NotFittedError):
            model.sample()

    def test_checks_its_fields_in_fit(self, name: str, digits: Any) -> None:
        with pytest.raises(ZaohuaError, match="random_state must be"):
            getattr(zh, name)(random_state=-1).fit(digits[0])
        with pytest.raises(ZaohuaError, match="random_state must be"):
            getattr(zh, name)(random_state="zero").fit(digits[0])

    def test_gives_back_what_went_in(self, name: str, fitted: Any, digits: Any) -> None:
        images = fitted[name].sample(3, random_state=0)
        if isinstance(digits[0], pd.DataFrame):
            assert len(images) == 3 and images.dtypes.equals(digits[0].dtypes)
            assert digits[0]["count"].min() <= images["count"].min() and images["parity"].isin(["odd", "even"]).all()
            return
        if isinstance(digits[0], list):
            assert len(images) == 3 and all(isinstance(item, type(digits[0][0])) for item in images)
            assert all(set(text) <= set("d0123456789 isoven.") for text in images if isinstance(text, str))
            shortest = 1 / RATE if fitted[name].spec_.shape is None else 0.1
            assert all(
                shortest <= item.seconds < 0.3 and np.abs(item).max(initial=0) <= 1
                for item in images
                if isinstance(item, zh.Sound)
            )
            return
        assert images.dtype == digits[0].dtype and images.shape == (3, *digits[0].shape[1:])
        if fitted[name].codec_types == (zh.NumberCodec,):
            assert fitted[name].support.holds(images).all()
            return
        assert digits[0].min() <= images.min() and images.max() <= digits[0].max()

    def test_samples_are_reproducible(self, name: str, fitted: Any) -> None:
        model = fitted[name]
        many = model.sample(5, y="d3", random_state=7)
        assert equal(many, model.sample(5, y="d3", random_state=7))
        few = model.sample(2, y="d3", random_state=7)
        assert same(few, many[:2])
        assert not equal(many, model.sample(5, y="d3", random_state=8))

    def test_takes_conditions_by_name(self, name: str, fitted: Any) -> None:
        model = fitted[name]
        assert len(model.sample(y="d1")) == 1
        assert len(model.sample(y=["d1", "d2", "d1"])) == 3
        with pytest.raises(ZaohuaError, match="'d1'"):
            model.sample(y="d11")
        with pytest.raises(ZaohuaError, match="n_samples is 2, but y is a list of 3 conditions"):
            model.sample(2, y=["d1", "d2", "d1"])
        for wrong in (0, -1, 1.5, True, "many"):
            with pytest.raises(ZaohuaError, match="n_samples must be"):
                model.sample(wrong)

    def test_is_unconditional_without_y(self, name: str, digits: Any) -> None:
        model = make(name).fit(digits[0][:60])
        assert len(model.sample(2, random_state=0)) == 2
        with pytest.raises(ZaohuaError, match="without labels"):
            model.sample(2, y="d1")

    def test_saves_and_loads(self, name: str, fitted: Any, digits: Any, tmp_path: Path) -> None:
        model = fitted[name]
        model.save(tmp_path / "run")
        other = zh.load(tmp_path / "run")
        assert type(other) is type(model) and other.get_params() == model.get_params()
        assert equal(other.sample(3, y="d2", random_state=1), model.sample(3, y="d2", random_state=1))
        if hasattr(model, "score_samples"):
            assert np.array_equal(
                other.score_samples(digits[0][:3], digits[1][:3]), model.score_samples(digits[0][:3], digits[1][:3])
            )

    def test_loads_all_that_it_has_learnt(self, name: str, fitted: Any, tmp_path: Path) -> None:
        """Whatever attribute a fit leaves, of which scikit-learn's convention is that it ends in `_`."""
        model = fitted[name]
        model.save(tmp_path / "run")
        other = zh.load(tmp_path / "run")
        for one, again in ((model, other), (model.codec_, other.codec_), (model.y_codec_, other.y_codec_)):
            names = {key for key in vars(one) if key.endswith("_")} - NOT_KEPT
            assert {key for key in vars(again) if key.endswith("_")} - NOT_KEPT == names
        for key in declared(type(model)):
            assert getattr(other, key) == getattr(model, key)
        for key in ("n_features_in_", "feature_names_in_"):
            assert hasattr(other, key) == hasattr(model, key)
            assert np.array_equal(getattr(other, key, None), getattr(model, key, None))
        assert other.n_items_ == 200

    def test_scores_items_and_not_places(self, name: str, fitted: Any, digits: Any) -> None:
        model, (x, y) = fitted[name], digits
        if not hasattr(model, "score_samples"):
            if hasattr(type(model), "log_prob"):
                return  # what the data are forbids it
            with pytest.raises(NotAvailable, match=r"models that can: .*(Gaussian|\bVAE)"):
                model.score_samples(x)
            return
        assert model.score_kind in ("exact", "lower_bound", "estimate")
        scores = model.score_samples(x[:6], y[:6])
        assert scores.shape == (6,) and scores.dtype == np.float64 and np.isfinite(scores).all()
        assert np.allclose(model.score_samples(x[3:5], y[3:5]), scores[3:5], rtol=1e-4, atol=1e-2)
        assert model.score(x[:6], y[:6]) == pytest.approx(scores.mean())

    def test_sums_over_labels_not_given(self, name: str, fitted: Any, digits: Any) -> None:
        model, (x, y) = fitted[name], digits
        if not hasattr(model, "score_samples"):
            return
        names = sorted(set(y))
        share = np.array([(y == c).mean() for c in names])
        each = np.stack([model.score_samples(x[:2], [c, c]) for c in names])
        assert np.allclose(model.score_samples(x[:2]), np.logaddexp.reduce(each + np.log(share)[:, None]), atol=1e-6)

    def test_represents(self, name: str, fitted: Any, digits: Any) -> None:
        model, (x, y) = fitted[name], digits
        if not hasattr(model, "transform"):
            return
        z = model.transform(x[:4], y[:4])
        assert z.shape == (4, model.latent_size) and np.isfinite(z).all()
        with pytest.raises(ZaohuaError, match=rf"are \(n, {model.latent_size}\), not \(4, {model.latent_size + 1}\)"):
            model.inverse_transform(np.zeros((4, model.latent_size + 1)), y[:4])
        assert np.allclose(model.transform(x[2:3], y[2:3]), z[2:3], atol=1e-3)
        again = model.inverse_transform(z, y[:4])
        assert len(again) == 4 and (isinstance(x, list) or again.shape == x[:4].shape)
        if not model.encodes_y:
            assert np.allclose(model.transform(x[:4]), z)
            return
        free = model.transform(x[:4])
        assert free.shape == z.shape and np.isfinite(free).all() and not np.allclose(free, z)

    def test_takes_options_of_sampling_for_one_call(self, name: str, fitted: Any) -> None:
        model = fitted[name]
        before = model.get_params()
        for field in fields_of(type(model)).values():
            if field.sampling:
                model.sample(1, **{field.name: field.default})
        assert model.get_params() == before
        with pytest.raises(ZaohuaError, match="unknown sampling option"):
            model.sample(1, stepz=3)

    def test_table_tells_the_truth(self, name: str, fitted: Any) -> None:
        entry = registry.find(name)
        for primitive in PRIMITIVES:
            assert (primitive in entry.primitives) == hasattr(type(fitted[name]), primitive)
        for primitive, call in CALLS.items():
            can = primitive in entry.primitives and fitted[name].cannot(primitive) is None
            assert hasattr(fitted[name], call) == can
        assert hasattr(fitted[name], "bits_per_dim") == hasattr(fitted[name], "score_samples")

    def test_leaves_the_global_random_state_alone(self, name: str, digits: Any) -> None:
        import torch

        before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(name).fit(digits[0][:40]).sample(2)
        assert np.array_equal(before, np.random.get_state()[1]) and torch.equal(torch_before, torch.get_rng_state())


def test_a_model_of_ones_own_needs_only_its_class(tmp_path: Path) -> None:
    """What CONTRIBUTING promises: a subclass anywhere fits, samples, saves and loads."""
    from zaohua.models.vae import VAE

    digits = data_of("VAE", "images")

    class Narrow(VAE):
        """A VAE with two latents. Paper: none."""

        latent_dim = 2

    model = Narrow(random_state=0, channels=8, max_steps=2).fit(digits[0][:32], out=tmp_path / "run")
    assert model.latent_dim == 2 and Narrow(latent_dim=3).latent_dim == 3
    with pytest.raises(ZaohuaError, match="latent_dim must be at least 1"):
        Narrow(latent_dim=0).fit(digits[0])
    assert zh.load(tmp_path / "run").sample(2, random_state=0).shape == (2, 8, 8)
