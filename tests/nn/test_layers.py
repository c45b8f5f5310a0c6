"""Attention is torch's, whatever the precision around it."""

from __future__ import annotations

import pytest
import torch

from zaohua.nn.layers import attend


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_softmax_of_products(dtype: torch.dtype, causal: bool) -> None:
    q, k, v = (torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(i)).to(dtype) for i in range(3))
    logits = q.double() @ k.double().mT / 8**0.5
    if causal:
        logits = logits.masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), -torch.inf)
    expected = logits.softmax(-1) @ v.double()
    q.requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = attend(q, k, v, causal=causal)
    assert out.dtype == dtype and torch.allclose(out.double(), expected, atol=1e-6 if dtype == torch.float32 else 2e-2)
    out.float().sum().backward()
    assert q.grad is not None and torch.isfinite(q.grad).all()
