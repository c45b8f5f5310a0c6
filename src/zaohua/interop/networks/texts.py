"""Language models as bundles: the network, and the settings by which tokens are drawn from its logits."""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.notes import note
from zaohua.core.record import Condition
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.transformer import CausalTransformer
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
from zaohua.modalities.texts.tokenizers import Bytes, Characters, Tokenizer

CHECKED_TOKENS = 24
"""Number of tokens of a text that the export is checked by."""


def takes(cls: type) -> bool:
    """Return whether models of a class are exported so."""
    return issubclass(cls, TextModel) and issubclass(cls, CausalTransformer)


def refusal(model: TextModel) -> str | None:
    """Return why a model can't be exported; None if it can."""
    if model.beams > 1:
        return f"the exported sampler draws tokens and searches no beams: give {option('beams', 1)}"
    if model.suffix:
        return f"the exported sampler writes on and fills no gaps: give {option('suffix', '')}"
    return None


def bundle(model: TextModel) -> Bundle:
    """Return a network tokens or (tokens, y, keep) -> logits after each token, with free batch and length."""
    if model.int8:
        note("the weights are exported as float32, not as 8-bit integers")
    model = twin(model, int8=False)
    net, labels = model.nets_["net"], example_labels(model)

    def logits(tokens: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        out: Tensor = net(tokens, y, keep)
        return out

    tokens = torch.zeros(EXAMPLES, min(3, model.context), dtype=torch.int64)
    network = Network("net", net, logits, {"tokens": tokens, **labels}, ("logits",), lengths={"tokens": model.context})
    short = twin(model, max_tokens=min(model.max_tokens, CHECKED_TOKENS), stop=())
    written, drawn, y = made(short)
    tokenizer = model.codec_.tokenizer_
    settings = {
        **common_settings(model),
        "networks": ["net"],
        "noise": [model.max_tokens],
        "context": model.context,
        "begin": model.codec_.begin_,
        "ends": list(model.codec_.ends_),
        "reserved": list(model.codec_.reserved_),
        "unit": tokenizer.unit,
        "pieces": pieces(tokenizer),
        "prompt": model.prompt,
        "opening": model.opening(),
        "stop": [model.stop] if isinstance(model.stop, str) else list(model.stop),
        "temperature": model.temperature,
        "top_k": model.top_k,
        "top_p": model.top_p,
        "min_p": model.min_p,
        "repetition_penalty": model.repetition_penalty,
    }
    state = tokenizer.state()
    files = {} if isinstance(tokenizer, Characters | Bytes) or state is None else {"tokenizer.json": state.encode()}
    return Bundle("tokens", (network,), settings, arrays(noise=drawn[0], y=y, made=written.long()), files)


def pieces(tokenizer: Tokenizer) -> list[str]:
    """Return the bytes of each token, each byte as the character of its number."""
    return [tokenizer.bytes_of(token).decode("latin-1") for token in range(tokenizer.size)]
