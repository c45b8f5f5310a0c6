"""No model's hyperparameters depend on the order in which its class names its bases."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import zaohua as zh
from zaohua.core import registry
from zaohua.core.params import fields_of
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
    return {"fields": fields, **{name: None if base is cls else base for name, base in origins.items()}}


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
