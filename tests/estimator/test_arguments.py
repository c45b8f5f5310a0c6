"""Models take the options of their codecs by name, as the command line does."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import zaohua as zh
from zaohua.cli.codec_flags import CodecFlags
from zaohua.core import registry
from zaohua.core.params import fields_of
from zaohua.modalities import taken_by
from zaohua.modalities.options import option_names

X = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    ("model", "codec"),
    [
        (zh.GPT(tokenizer="bpe"), "TextCodec(tokenizer='bpe')"),
        (zh.VAE(size=16), "ImageCodec(size=16)"),
        (zh.VAE(image_channels="rgb", channels=8), "ImageCodec(channels='rgb')"),
        (zh.VAE(rate=8000), "MelCodec(rate=8000)"),
        (zh.ProductMixture(kinds={"a": "identifier"}), "TableCodec(kinds={'a': 'identifier'})"),
        (zh.VAE(memory=1.0), "CodecOptions(memory=1.0)"),
        (zh.VAE(channels=8), "None"),
    ],
)
def test_options_of_the_codec_are_arguments(model: Any, codec: str) -> None:
    assert repr(model.codec) == codec
    copy = clone(model)
    assert repr(copy.codec) == codec and copy.get_params(deep=False).keys() == fields_of(type(model)).keys()


@pytest.mark.parametrize("name", [entry.name for entry in registry.entries()])
def test_python_and_the_command_line_have_the_same_names(name: str) -> None:
    cls = getattr(zh, name)
    codecs = [codec for _, codec in taken_by(cls.codec_types)]
    flags = CodecFlags([codec.stored_name() for codec in codecs], list(fields_of(cls)), None)
    names = {name for codec in codecs for name in option_names(codec, codecs, fields_of(cls))}
    assert names == {flag.name for flag in flags.flags} and not names & set(fields_of(cls))


def test_options_are_learnt_with_and_stored(tmp_path: Path) -> None:
    assert zh.Gaussian(size=4).fit(X).sample().shape == (1, 4, 4)
    model = zh.VAE(memory=1.0, **{**zh.VAE.tiny, "max_steps": 1}).fit(X)
    assert model.codec_.memory == 1.0
    model.save(tmp_path / "run")
    assert repr(zh.load(tmp_path / "run").codec) == "ImageCodec(memory=1.0)"


def test_options_are_set_like_fields() -> None:
    model: Any = zh.VAE(size=16, memory=1.0)
    assert repr(model.set_params(size=8, latent_dim=3).codec) == "ImageCodec(size=8, memory=1.0)"
    assert model.latent_dim == 3
    assert repr(zh.VAE(memory=1.0).set_params(flip=True).codec) == "ImageCodec(flip=True, memory=1.0)"
    assert repr(zh.VAE().set_params(codec__size=5).codec) == "ImageCodec(size=5)"
    assert repr(model.set_params(codec=zh.ImageCodec(), codec__size=6).codec) == "ImageCodec(size=6)"


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: zh.VAE(latnt_dim=3), "unknown argument of VAE: 'latnt_dim'; did you mean 'latent_dim'"),
        (lambda: zh.GPT(tokeniser="bpe"), "unknown argument of GPT: 'tokeniser'; did you mean 'tokenizer'"),
        (lambda: zh.GMM(channels="grey"), "did you mean 'image_channels'"),
        (lambda: zh.ImageCodec(siz=3), "unknown argument of ImageCodec: 'siz'; did you mean 'size'"),
        (lambda: zh.VAE(size=8, rate=8000), "different kinds of data.*size of images, rate of sounds"),
        (lambda: zh.VAE(size=8, codec=zh.ImageCodec()), "give size as options of the codec that you give"),
        (lambda: zh.VAE().set_params(latnt_dim=3), "did you mean 'latent_dim'"),
        (lambda: zh.ImageCodec().set_params(siz=3), "did you mean 'size'"),
        (lambda: zh.GPT(tokenizer=3).fit(["a b"]), "TextCodec: tokenizer must be 'chars' or"),
        (lambda: zh.VAE(rate=8000).fit(X), "MelCodec takes sounds, but the data are images"),
        (
            lambda: zh.ProductMixture(constraints="a < b").fit(X[:, 0]),
            r"TableCodec: constraints must be a list of texts, not a text: give \['a < b'\]",
        ),
        (lambda: zh.VAE(learning_rate=float("inf")).fit(X), "learning_rate must be a finite number, not inf"),
    ],
)
def test_other_arguments_are_refused_with_a_suggestion(call: Any, line: str) -> None:
    with pytest.raises(zh.ZaohuaError, match=line):
        call()


def test_an_unknown_argument_is_a_type_error_as_everywhere_in_python() -> None:
    with pytest.raises(TypeError):
        zh.VAE(latnt_dim=3)
    with pytest.raises(TypeError, match="positional"):
        zh.VAE(3)


def test_help_describes_each_field_and_option() -> None:
    text = inspect.getdoc(zh.GPT) or ""
    assert text.startswith("GPT") or "transformer" in text.splitlines()[0].casefold()
    for name, field in fields_of(zh.GPT).items():
        assert f"    {name} (" in text and field.help.split(" ")[0] in text
    assert "Options of texts (TextCodec):" in text and "    tokenizer ('chars' or 'bytes' or 'bpe', default" in text
    assert "    image_channels (" in (zh.VAE.__doc__ or "") and "    size (" in (zh.ImageCodec.__doc__ or "")


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_fields_take_generators_of_numpy(make: Any, tmp_path: Path) -> None:
    first, again = (zh.Gaussian(random_state=make(0)).fit(X) for _ in range(2))
    assert first.seed_ == again.seed_ and isinstance(first.random_state, type(make(0)))
    one, two = first.sample(2), first.sample(2)
    assert np.array_equal(one, again.sample(2)) and not np.array_equal(one, two)
    first.save(tmp_path / "run")
    assert zh.load(tmp_path / "run").random_state == first.seed_
    assert np.array_equal(first.sample(2, random_state=make(1)), again.sample(2, random_state=make(1)))
