"""No model's hyperparameters depend on the order in which its class names its bases."""

from __future__ import annotations

import itertools
from typing import Any, Generic, TypeVar, get_args, get_origin

import pytest

import zaohua as zh
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import fields_of
from zaohua.estimator.base import GenerativeModel
from zaohua.families.vae import VariationalAutoencoder
from zaohua.families.vocoder import VocoderMixin

OWN = {"__dict__", "__weakref__", "__init__", "__dataclass_fields__", "__dataclass_params__"}
"""What Python and `make_fields` put into a class."""
MIXED = [entry.name for entry in registry.entries() if len(registry.model_class(entry.name).__bases__) > 1]


def facts(cls: Any) -> dict[str, Any]:
    """What a class has from its bases: types and defaults of its fields, and where each attribute is from."""
    origins = {name: next(base for base in cls.__mro__ if name in vars(base)) for name in dir(cls) if name[:1] != "_"}
    fields = {
        name: (field.type, field.default, field.bounds, field.sampling, field.help)
        for name, field in fields_of(cls).items()
    }
    origins.pop("codec_types")  # set by each base that has a codec as its type parameter
    origins.pop("learners", None)  # each base adds to those of the others
    own = {name: None if base is cls else base for name, base in origins.items()}
    return {"fields": fields, "codec_types": cls.codec_types, **own}


@pytest.mark.parametrize("name", MIXED)
def test_bases_in_any_order_are_the_same_model(name: str) -> None:
    cls = registry.model_class(name)
    body = {key: value for key, value in vars(cls).items() if key not in OWN}
    expected = facts(cls)
    orders = list(itertools.permutations(cls.__bases__))
    assert len(orders) > 1
    for bases in orders:
        permuted = type(name, bases, body)
        found = facts(permuted)
        assert found == expected, [base.__name__ for base in bases]
        assert permuted().get_params() == cls().get_params()


def test_a_mixin_named_first_hides_none_of_the_familys_defaults() -> None:
    """The defaults of training that a mixin only inherits, against those that the family states."""

    class Swapped(VocoderMixin, VariationalAutoencoder):
        build = zh.VAE.build

    found = {key: getattr(Swapped(), key) for key in ("learning_rate", "batch_size", "max_grad_norm", "vocoder")}
    stated = {key: vars(VariationalAutoencoder)[key] for key in ("learning_rate", "batch_size", "max_grad_norm")}
    assert found == {**stated, "vocoder": True}
    assert stated["learning_rate"] != fields_of(VocoderMixin)["learning_rate"].default, "else nothing could be hidden"


def test_a_plain_mixin_overrides_a_models_default() -> None:
    class Faster:
        learning_rate = 0.1

    class FastVAE(Faster, zh.VAE):
        pass

    assert FastVAE().learning_rate == FastVAE.learning_rate == fields_of(FastVAE)["learning_rate"].default == 0.1
    assert FastVAE(learning_rate=0.2).learning_rate == 0.2


def type_parameters(cls: Any, given: Any = None) -> set[Any]:
    """The codecs that `GenerativeModel[...]` is given among the bases of a class, by every path that leads there."""
    if cls is GenerativeModel:
        return {given}
    found = set()
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin, args = get_origin(base) or base, get_args(base)
        if origin is not Generic and issubclass(origin, GenerativeModel):
            codec = args[0] if args else None
            found |= type_parameters(origin, given if isinstance(codec, TypeVar) else codec)
    return found


@pytest.mark.parametrize("entry", registry.entries(), ids=lambda entry: entry.command)
def test_codec_types_are_what_type_checkers_see(entry: registry.Entry) -> None:
    cls = registry.model_class(entry.name)
    assert type_parameters(cls) == {*cls.codec_types} and len(cls.codec_types) == 1


def test_codec_types_follow_from_the_type_parameter() -> None:
    class OfTables(VariationalAutoencoder[zh.TableCodec]):
        pass

    class OfBoth(VariationalAutoencoder[zh.ImageCodec | zh.WaveCodec]):
        pass

    class Said(VariationalAutoencoder[zh.ImageCodec]):
        codec_types = (zh.ImageCodec, zh.MelCodec)

    class Derived(OfTables):
        pass

    assert OfTables.codec_types == Derived.codec_types == (zh.TableCodec,)
    assert OfBoth.codec_types == (zh.ImageCodec, zh.WaveCodec) and Said.codec_types == (zh.ImageCodec, zh.MelCodec)
    assert VariationalAutoencoder.codec_types == GenerativeModel.codec_types == (zh.ImageCodec,)
    with pytest.raises(ZaohuaError, match=r"Wrong: the codec in VariationalAutoencoder\[...\] must be a class, not"):

        class Wrong(VariationalAutoencoder["zh.TableCodec"]):
            pass
