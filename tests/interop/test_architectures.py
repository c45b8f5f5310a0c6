"""Published transformers: the logits of `transformers`, and the same weights there and back."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from zaohua.interop import weights
from zaohua.interop.configuration import plan
from zaohua.nn.transformer import Transformer

transformers = pytest.importorskip("transformers")

V, LENGTH = 61, 20
SMALL: dict[str, Any] = {
    "vocab_size": V,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1e4,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}
PARTIAL = {"rope_type": "default", "rope_theta": 1e4}
WINDOWS = ["sliding_attention", "full_attention", "sliding_attention"]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}),
    "llama": ("llama", {}),
    "llama, biases, llama3": ("llama", {"attention_bias": True, "mlp_bias": True, "rope_parameters": LLAMA3}),
    "llama, linear": ("llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}}),
    "llama, tied, wide heads": ("llama", {"tie_word_embeddings": True, "head_dim": 16}),
    "mistral": ("mistral", {"sliding_window": 5}),
    "qwen2": ("qwen2", {"use_sliding_window": False}),
    "qwen2, windows": ("qwen2", {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}),
    "qwen3": ("qwen3", {"head_dim": 8}),
    "qwen3, yarn": ("qwen3", {"head_dim": 8, "rope_parameters": YARN}),
    "smollm3": ("smollm3", {"no_rope_layers": [1, 0, 1]}),
    "olmo2": ("olmo2", {}),
    "gemma": ("gemma", {"head_dim": 8}),
    "gemma2": ("gemma2", {"head_dim": 8, "sliding_window": 5, "query_pre_attn_scalar": 16, "layer_types": WINDOWS}),
    "gemma3": ("gemma3_text", {"head_dim": 8, "sliding_window": 5, "layer_types": WINDOWS}),
    "phi3": ("phi3", {"num_key_value_heads": 2}),
    "granite": (
        "granite",
        {"embedding_multiplier": 3.0, "residual_multiplier": 0.5, "attention_multiplier": 0.2, "logits_scaling": 4.0},
    ),
    "gpt_neox": (
        "gpt_neox",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}},
    ),
    "arcee": ("arcee", {}),
    "nanochat": ("nanochat", {}),
}


def theirs(kind: str, settings: dict[str, Any]) -> Any:
    """A tiny model of `transformers` with random weights."""
    small = {k: v for k, v in SMALL.items() if kind != "gpt2" or "_token_id" in k or k == "vocab_size"}
    config = transformers.AutoConfig.for_model(kind, **{**small, **settings})
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model


def ours(model: Any) -> Transformer:
    """The same network as ours."""
    what = plan(model.config.to_dict())
    net = weights.empty(what, 64).to_empty(device="cpu")
    net._make_angles()
    net.load_state_dict(weights.ours(model.state_dict(), what, "it"))
    return net.eval()


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_published_transformers_give_the_logits_of_their_library(case: str) -> None:
    model = theirs(*CASES[case])
    net = ours(model)
    tokens = torch.randint(V, (2, LENGTH), generator=torch.Generator().manual_seed(0))
    expected = model(tokens).logits
    assert expected.std() > 0.1
    torch.testing.assert_close(net(tokens), expected, atol=1e-4, rtol=0)
    state = net.start(2)
    steps = [net.step(tokens[:, :7], state), *(net.step(tokens[:, [i]], state) for i in range(7, LENGTH))]
    torch.testing.assert_close(torch.stack(steps, 1), expected[:, 6:], atol=1e-4, rtol=0)
    what = plan(model.config.to_dict())
    back = weights.theirs(net.state_dict(), what)
    for name, value in back.items():
        assert torch.equal(value, model.state_dict()[name]), name
    assert not {n for n in model.state_dict() if n not in back and "lm_head" not in n and "embed_out" not in n}
