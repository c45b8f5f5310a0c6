"""The fastest decoder of a network on this machine, and why it isn't the compiled one where it isn't."""

from __future__ import annotations

import math
import time
import warnings
import weakref

import torch
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaWarning
from zaohua.nn.attention import Norm
from zaohua.nn.int8 import Int8Transformer, int8
from zaohua.nn.native.compiler import available
from zaohua.nn.native.decoder import NativeTransformer
from zaohua.nn.native.structures import Packed
from zaohua.nn.transformer import Transformer, TransformerBlock

LEAST, MOST = 1 << 18, 1 << 28
"""Numbers of weights between which steps are compiled: fewer aren't worth it, more aren't kept twice in float32."""
NEAR = 1e-3
"""Largest difference of compiled logits, relative to the largest."""
TIMED = 6
"""Number of steps of each that are timed."""
SLOWER = 1.0
"""Time of a compiled step, relative to the network's, above which it is refused."""
_packed: weakref.WeakKeyDictionary[nn.Module, dict[bool, tuple[int, Packed]]] = weakref.WeakKeyDictionary()
"""Weights that were packed in float32 and in integers, and the fingerprint of those that they were made of."""
_refused: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
"""Networks whose compiled step was measured and refused, and why."""


def quick(net: nn.Module, integers: bool = False) -> nn.Module | Int8Transformer | NativeTransformer:
    """Return the fastest decoder of a network: compiled if that is possible and measured to be faster, else in torch.

    Args:
        net: the network.
        integers: whether to decode in 8-bit integers.
    """
    native = compiled(net, integers)
    return native if native is not None else int8(net) if integers else net


def compiled(net: nn.Module, integers: bool = False) -> NativeTransformer | None:
    """Return the compiled decoder of a transformer; None where there is none, or it was refused."""
    if not isinstance(net, Transformer) or unsupported(net) is not None or net in _refused:
        return None
    weights = sum(p.numel() for p in net.parameters())
    if weights < LEAST or (weights > MOST and not integers):
        return None
    found = available()
    if isinstance(found, str):
        _refuse(net, found)
        return None
    fingerprint = hash(tuple(found.fingerprint(p.data_ptr(), p.numel()) for p in net.parameters()))
    known = _packed.setdefault(net, {})
    if integers not in known or known[integers][0] != fingerprint:
        known[integers] = fingerprint, Packed(net, integers)
        problem = _problem(net, NativeTransformer(net, known[integers][1]), integers)
        if problem is not None:
            _refuse(net, problem)
            return None
    return NativeTransformer(net, known[integers][1])


def unsupported(net: Transformer) -> str | None:
    """Return why a transformer has no compiled step; None if it may have one. Every `Blueprint` may."""
    if any(p.device.type != "cpu" for p in net.parameters()):
        return "its weights aren't on the CPU"
    if any(p.dtype != torch.float32 or not p.is_contiguous() for p in net.parameters()):
        return "its weights aren't float32"
    blocks = [block for block in net.blocks if type(block) is TransformerBlock]
    layers = [(b.attention.qkv, b.attention.out, b.inner, b.outer, b.gate or b.inner) for b in blocks]
    if len(blocks) < len(net.blocks) or any(type(layer) is not nn.Linear for row in layers for layer in row):
        return "its layers aren't those of a transformer, such as adapters"
    norms = [norm for b in blocks for norm in (b.norm1, b.norm2, b.after1, b.after2) if norm is not None]
    if any(type(norm) not in (Norm, nn.Identity) for norm in norms) or type(net.tokens) is not nn.Embedding:
        return "its norms or embeddings were changed"
    return None


def _problem(net: Transformer, native: NativeTransformer, integers: bool) -> str | None:
    """Return what speaks against the compiled step: it is slower than the network, or far from it."""
    token = torch.zeros(1, 1, dtype=torch.int64)
    decoders: tuple[Transformer | NativeTransformer, ...] = (net, native)
    seconds, logits = dict.fromkeys(decoders, math.inf), dict[object, Tensor]()
    with torch.inference_mode():
        states = [net.start(1) for _ in decoders]
        for _ in range(min(TIMED, net.context)):  # in turns, and the least: other programs may take some of the time
            for decoder, state in zip(decoders, states, strict=True):
                began = time.perf_counter()
                logits[decoder] = decoder.step(token, state)
                seconds[decoder] = min(seconds[decoder], time.perf_counter() - began)
    far = float((logits[native] - logits[net]).abs().max() / (1e-9 + logits[net].abs().max()))
    if not integers and not far < NEAR:
        return f"the compiled step differs from the network's by {far:.1%}"
    slower = seconds[native] > SLOWER * seconds[net]
    return "the compiled step is slower than the network's" if slower else None


def _refuse(net: Transformer, reason: str) -> None:
    """Remember why a network's compiled step isn't used, and say it."""
    first = reason not in set(_refused.values())
    _refused[net] = reason
    if first:
        warnings.warn(f"decoding is slower than it could be: {reason}", ZaohuaWarning, stacklevel=2)
