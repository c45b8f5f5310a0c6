import torch

from zaohua.nn.layers import Dropout


def test_share_and_scale():
    x = torch.ones(1_000_000)
    torch.manual_seed(0)
    y = Dropout(0.3)(x)
    assert abs(float((y == 0).float().mean()) - 0.3) < 2e-3  # 4 standard deviations
    assert abs(float(y.mean()) - 1) < 3e-3
    torch.testing.assert_close(y[y != 0].unique(), torch.tensor([1 / 0.7]), rtol=1e-4, atol=0)


def test_follows_the_global_seed_and_the_layout():
    x = torch.randn(4, 3, 5, 7).contiguous(memory_format=torch.channels_last)
    torch.manual_seed(1)
    first = Dropout(0.5)(x)
    torch.manual_seed(1)
    assert torch.equal(first, Dropout(0.5)(x))
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(first, Dropout(0.5)(x))


def test_gradients_of_first_and_second_order():
    def seeded(x):
        torch.manual_seed(0)
        return Dropout(0.4)(x)

    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(seeded, x)
    assert torch.autograd.gradgradcheck(seeded, x)


def test_does_nothing_in_evaluation_or_without_a_share():
    x = torch.randn(10)
    assert Dropout(0.5).eval()(x) is x or torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert float(Dropout(1.0)(x).abs().sum()) == 0
