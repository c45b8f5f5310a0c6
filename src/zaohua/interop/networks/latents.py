"""GANs and variational autoencoders as bundles: one pass of a network turns a latent into an item."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.noise import ItemNoise
from zaohua.core.record import Condition
from zaohua.estimator.columns import Tabular
from zaohua.families.gan import LatentGAN
from zaohua.families.vae import VariationalAutoencoder
from zaohua.interop.networks.bundles import (
    EXAMPLES,
    Bundle,
    Network,
    arrays,
    common_settings,
    example_labels,
    made,
    twin,
)

Latent: TypeAlias = LatentGAN[Any] | VariationalAutoencoder[Any]


def takes(cls: type) -> bool:
    """Return whether models of a class are exported so."""
    return issubclass(cls, (LatentGAN, VariationalAutoencoder)) and not issubclass(cls, Tabular)


def refusal(model: Latent) -> str | None:
    """Return why a model can't be exported; None if it can."""
    if isinstance(model, VariationalAutoencoder) and model.observation_noise:
        return f"only the mean of p(x | z) is exported: give {option('observation_noise', False)}"
    return None


def bundle(model: Latent) -> Bundle:
    """Return a generator or decoder z or (z, y) -> x, and an encoder x or (x, y) -> z if the model has one."""
    model = twin(model)
    labels = {name: value for name, value in example_labels(model).items() if name == "y"}
    name, temperature = "generator", 1.0
    if isinstance(model, VariationalAutoencoder):
        name, temperature = "decoder", model.temperature

    def decode(z: Tensor, y: Condition | None = None) -> Tensor:
        return model.decode(z, y)

    z = torch.zeros(EXAMPLES, model.latent_dim)
    networks = [Network(name, model.nets_[name], decode, {"z": z, **labels}, ("x",))]
    x, drawn, y = made(model)
    check = arrays(noise=drawn[0], y=y, made=x)
    if isinstance(model, VariationalAutoencoder):
        networks.append(encoder(model, labels))
        check |= arrays(latents=model.encode(x, y, ItemNoise([])))
    settings = {
        **common_settings(model),
        "networks": [network.name for network in networks],
        "noise": [model.latent_dim],
        "temperature": temperature,
    }
    return Bundle("latent", tuple(networks), settings, check)


def encoder(model: VariationalAutoencoder[Any], labels: dict[str, Tensor]) -> Network:
    """Return the mean of q(z | x) as a network."""

    def encode(x: Tensor, y: Condition | None = None) -> Tensor:
        return model.encode(x, y, ItemNoise([]))

    x = torch.zeros(EXAMPLES, *model.spec_.tensor_shape)
    return Network("encoder", model.nets_["encoder"], encode, {"x": x, **labels}, ("z",))
