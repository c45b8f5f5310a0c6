"""The dilated convolutions: what they see and what not, and steps from ring buffers against one pass."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.wavenet import WaveNet, reach

V = 7
LABELS = DataSpec(axes=(), shape=(), features=(Feature("label", "category", size=3),))


def make(layers: int, stacks: int, y: DataSpec | None = None) -> WaveNet:
    """A network with opinions, in double precision."""
    torch.manual_seed(layers)
    net = WaveNet(V, y, width=6, skip=8, layers=layers, stacks=stacks).double()
    torch.nn.init.normal_(net.head.weight)
    return net.eval()


def tokens(n: int, t: int) -> Tensor:
    return torch.randint(V, (n, t), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("layers", "stacks"), [(1, 1), (3, 1), (3, 2), (4, 2)])
def test_sees_its_reach_and_nothing_that_comes(layers: int, stacks: int) -> None:
    """The gradient of the last logits by each input, and those of the logits before it by the last input."""
    net, t = make(layers, stacks), 40
    embedded = net.tokens(tokens(1, t)).detach().requires_grad_()
    net.tokens.forward = lambda _: embedded.transpose(0, 1)
    last = torch.autograd.grad(net(tokens(1, t))[0, -1].logsumexp(0), embedded)[0].norm(dim=2)[0]
    assert net.reach == reach(layers, stacks) == 1 + stacks * (2**layers - 1)
    assert (last[-net.reach :] > 0).all() and (last[: -net.reach] == 0).all()
    before = torch.autograd.grad(net(tokens(1, t))[0, :-1].sum(), embedded)[0]
    assert (before[0, -1] == 0).all() and (before[0, -2] != 0).any()


def test_is_the_equation() -> None:
    """Two layers by hand, as convolutions."""
    net, x = make(2, 1, LABELS), tokens(2, 9)
    y = torch.tensor([2, 0])
    condition = net.condition(net.embed(y, 2).values[:, 0]).view(2, 2, 12)
    h, total = net.tokens(x).transpose(1, 2), net.skip.bias[:, None]
    for i, d in enumerate((1, 2)):
        kernel = torch.stack(net.gates[i].chunk(2, dim=1), dim=2)  # (out, in, 2): what is earlier, and what is now
        a, b = (F.conv1d(F.pad(h, (d, 0)), kernel, dilation=d) + condition[:, i, :, None]).chunk(2, dim=1)
        z = torch.tanh(a) * torch.sigmoid(b)
        total = total + net.skip.weight[:, 6 * i : 6 * i + 6] @ z
        h = h + net.outs[0] @ z
    logits = net.head(F.relu(net.hidden(F.relu(total.transpose(1, 2)))))
    torch.testing.assert_close(net(x, y), logits.float())


@pytest.mark.parametrize("y", [None, LABELS])
@torch.no_grad()
def test_steps_give_what_one_pass_does_however_often_the_rings_go_round(y: DataSpec | None) -> None:
    net, x = make(3, 2, y), tokens(3, 70)
    labels = None if y is None else torch.tensor([0, 2, 1])
    keep = None if y is None else torch.tensor([True, False, True])
    state = net.start(3, labels, keep)
    steps = torch.stack([net.step(x[:, t : t + 1], state) for t in range(70)], dim=1)
    torch.testing.assert_close(steps, net(x, labels, keep), rtol=0, atol=1e-6)
    other = net.start(3, labels, keep)
    assert torch.equal(net.step(x, other), steps[:, -1])


@torch.no_grad()
def test_shorter_than_what_layers_look_back() -> None:
    net, x = make(5, 1), tokens(2, 40)
    torch.testing.assert_close(net(x[:, :3]), net(x)[:, :3], rtol=0, atol=1e-6)


@torch.no_grad()
def test_no_end_follows_an_end() -> None:
    net, x = make(3, 2), tokens(3, 30)
    x[:, :2] = torch.tensor([[2, 2], [2, 1], [1, 2]])
    free = net(x).softmax(2)
    net.end = 2
    bound = net(x).softmax(2)
    behind = (x == 2) & (torch.arange(30) == 0)
    assert (bound[behind][:, 2] == 0).all() and torch.equal(bound[~behind], free[~behind])
    free[..., 2].masked_fill_(behind, 0)
    torch.testing.assert_close(bound, free / free.sum(2, keepdim=True))
    assert torch.equal(net.step(x[:, :1], net.start(3))[:, 2] < -1e8, behind[:, 0])
    assert (net.step(x[:, :2], net.start(3))[:, 2] > -1e8).all()
