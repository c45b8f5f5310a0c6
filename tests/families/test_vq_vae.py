"""Vector-quantised autoencoders: codes, the bound, and samples from the prior."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.noise import BatchNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.vq import Codebook, GridDecoder, GridEncoder, grid_sizes
from zaohua.training.events import Batch

SMALL: dict[str, Any] = {
    "channels": 8,
    "codes": 3,
    "code_dim": 2,
    "prior_width": 16,
    "prior_layers": 1,
    "prior_heads": 2,
}


def untrained(height: int, width: int) -> Any:
    """A model of binary pictures with random weights."""
    model: Any = zh.VQVAE(halvings=1, **SMALL)
    model.spec_ = DataSpec(("height", "width"), (height, width), (Feature("pixel", "real", 1, 2),))
    model.y_spec_ = None
    torch.manual_seed(0)
    model.nets_ = model.build(model.spec_, None).eval().requires_grad_(False)
    for p in model.nets_.parameters():
        p.add_(0.3 * torch.randn_like(p))
    return model


def test_the_nearest_vector_is_the_nearest() -> None:
    torch.manual_seed(0)
    book, z = Codebook(7, 3), torch.randn(2, 3, 4, 5)
    torch.nn.init.normal_(book.turn)
    vectors = book(torch.arange(7).view(1, 1, 7))[0, :, 0].T
    distance = (z.permute(0, 2, 3, 1)[..., None, :] - vectors).square().sum(-1)
    assert torch.equal(book.nearest(z), distance.argmin(-1))
    codes = torch.randint(0, 7, (2, 4, 5))
    assert torch.equal(book.nearest(book(codes)), codes)


@pytest.mark.parametrize(
    ("shape", "halvings", "grid"), [((28, 28), 2, (7, 7)), ((7, 9), 3, (1, 2)), ((5, 4), 1, (3, 2))]
)
def test_grids_fit_pictures_of_any_size(shape: tuple[int, int], halvings: int, grid: tuple[int, int]) -> None:
    spec = DataSpec(("height", "width"), shape, (Feature("pixel", "real", 3),))
    kind: dict[str, Any] = {"dim": 4, "halvings": halvings, "channels": 8}
    z = GridEncoder(spec, **kind)(torch.randn(2, 3, *shape))
    assert z.shape == (2, 4, *grid) and grid_sizes(spec, halvings)[-1] == grid
    assert GridDecoder(spec, out_channels=5, **kind)(z).shape == (2, 5, *shape)


def test_the_prior_sums_to_one_and_is_what_codes_are_drawn_from() -> None:
    model = untrained(2, 4)  # two codes of three
    every = torch.tensor(list(itertools.product(range(3), repeat=2))).view(9, 1, 2)
    p = model._log_prior(model.nets_, every, None).sum(1).double().exp()
    assert p.sum() == pytest.approx(1, abs=1e-5) and p.std() > 0.02
    n = 4000
    with torch.no_grad():
        drawn = model.draw(BatchNoise(0, n), None)
    pictures = model.decode(every.flatten(1).float(), None)
    assert torch.pdist(pictures.flatten(1)).min() > 1e-4  # so that a picture tells its codes
    which = (drawn[:, None] - pictures).abs().flatten(2).amax(2).argmin(1)
    share = torch.bincount(which, minlength=9) / n
    assert (share - p).abs().max() < 5 * (p * (1 - p) / n).sqrt().max()


def test_the_score_is_a_lower_bound_of_the_log_probability() -> None:
    model = untrained(2, 4)
    x = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=8))).view(256, 1, 2, 4)
    every = torch.tensor(list(itertools.product(range(3), repeat=2))).view(9, 1, 2)
    log_prior = model._log_prior(model.nets_, every, None).sum(1)
    parameters = model.nets_["decoder"](model.nets_["codebook"](every))
    joint = torch.stack(
        [model.likelihood.log_prob(parameters[[k]].expand(256, -1, -1, -1), x) + log_prior[k] for k in range(9)]
    )
    exact, bound = joint.logsumexp(0), model.log_prob(x, None, BatchNoise(0, 256))
    assert exact.double().exp().sum() == pytest.approx(1, abs=1e-4)
    assert (bound <= exact + 1e-5).all() and bound.double().exp().sum() > 0.1
    assert any(torch.allclose(bound[0], joint[k, 0]) for k in range(9))


def test_the_prior_leaves_the_codes_alone_and_the_encoder_learns_through_the_choice() -> None:
    model = untrained(4, 4)
    nets = model.nets_.requires_grad_(True)
    x = torch.randint(0, 2, (8, 1, 4, 4)) * 2.0 - 1
    for phase, trained in model.phases.items():
        nets.zero_grad(set_to_none=True)
        model.loss(nets, Batch(x, None, BatchNoise(0, 8)), phase).sum().backward()
        learns = {
            name for name, net in nets.items() if any(p.grad is not None and p.grad.any() for p in net.parameters())
        }
        assert learns == set(trained)
    model.commitment = 0.0  # what is left to the encoder comes from the decoder alone
    nets.zero_grad(set_to_none=True)
    model.loss(nets, Batch(x, None, BatchNoise(0, 8)), "codes").sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in nets["encoder"].parameters())


def test_codes_and_their_prior_are_learnt() -> None:
    model: Any = zh.VQVAE(
        channels=16,
        codes=32,
        code_dim=4,
        prior_width=32,
        prior_layers=1,
        prior_heads=2,
        max_steps=80,
        log_every=10,
        batch_size=64,
        learning_rate=3e-3,
        random_state=0,
        device="cpu",
        precision="float32",
        codec=zh.ImageCodec(binarize="static"),
    )
    images, labels = zh.read("digits", y=True)
    model.fit(images, labels)
    assert model.history_[-1]["loss/codes"] < 0.8 * model.history_[0]["loss/codes"]
    assert model.history_[-1]["loss/prior"] < 0.95 * 4 * np.log(32)
    z = model.transform(images[:200], labels[:200])
    assert len(np.unique(z)) > 16  # most of the codebook is in use
    again = model.inverse_transform(z, labels[:200])
    assert ((again > 7.5) == (images[:200] > 7.5)).mean() > 0.8
