from __future__ import annotations

import torch

from zaohua.nn.lora import LoRA, adapt, merge
from zaohua.nn.transformer import Transformer


def test_changes_nothing_at_first_and_merges_to_what_it_computes() -> None:
    torch.manual_seed(0)
    net = Transformer(7, context=8, width=16, layers=2, heads=2, architecture="gpt2").eval()
    x = torch.randint(7, (2, 8))
    before = net(x)
    adapt(net, "blocks", 3)
    assert torch.equal(net(x), before)
    trained = {name for name, p in net.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * 4 * 2 and all(name.startswith("blocks.") and name[-1] in "AB" for name in trained)
    for module in net.modules():
        if isinstance(module, LoRA):
            torch.nn.init.normal_(module.B, std=0.3)
    plain = merge(net)
    assert not any(isinstance(module, LoRA) for module in plain.modules())
    assert torch.allclose(plain(x), net(x), atol=1e-5) and not torch.allclose(plain(x), before, atol=1e-2)
