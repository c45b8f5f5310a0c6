"""The structures of `step.cpp`, and how they are filled from a transformer."""

from __future__ import annotations

import ctypes
import math
from ctypes import c_float, c_int32, c_int64, c_void_p

import torch
from torch import Tensor, nn

from zaohua.nn import attention
from zaohua.nn.native.compiler import functions
from zaohua.nn.transformer import ACTIVATIONS, Transformer, TransformerBlock


class Matrix(ctypes.Structure):
    """A matrix of weights, see `matrices.h`."""

    _fields_ = (
        ("inputs", c_int64),
        ("outputs", c_int64),
        ("weights", c_void_p),
        ("integers", c_void_p),
        ("scale", c_void_p),
        ("bias", c_void_p),
    )


class Norm(ctypes.Structure):
    """A norm."""

    _fields_ = (("kind", c_int32), ("eps", c_float), ("weight", c_void_p), ("bias", c_void_p))


class Layer(ctypes.Structure):
    """A block."""

    _fields_ = (
        *((name, Matrix) for name in ("qkv", "out", "inner", "gate", "outer")),
        *((name, Norm) for name in ("before1", "before2", "after1", "after2", "queries", "keys")),
        ("cos", c_void_p),
        ("sin", c_void_p),
        ("window", c_int64),
    )


class Net(ctypes.Structure):
    """A transformer."""

    _fields_ = (
        *((name, c_int64) for name in ("width", "heads", "kv_heads", "size", "room", "turned", "layers", "vocabulary")),
        *((name, c_int32) for name in ("parallel", "whole_norm", "activation")),
        *(
            (name, c_float)
            for name in ("scale", "cap", "residual_scale", "embedding_scale", "logit_scale", "logit_cap")
        ),
        ("embedded", Norm),
        ("last", Norm),
        ("tokens", c_void_p),
        ("places", c_void_p),
        ("head", Matrix),
        ("layer", ctypes.POINTER(Layer)),
    )


class Task(ctypes.Structure):
    """Tokens to read."""

    _fields_ = (
        ("rows", c_int64),
        ("count", c_int64),
        ("tokens", c_void_p),
        ("begins", ctypes.POINTER(c_int64)),
        ("firsts", ctypes.POINTER(c_int64)),
        ("summary", c_void_p),
        ("present", c_void_p),
        ("prefix", c_int64),
        ("caches", ctypes.POINTER(c_void_p)),
        ("all", c_int32),
        ("logits", c_void_p),
        ("work", c_void_p),
    )


class Packed:
    """The weights of a transformer as the compiled step reads them: copies, in float32 or in 8-bit integers.

    Args:
        net: the transformer; it isn't referred to.
        integers: whether large matrices become integers.
        least: matrices with fewer weights stay as they are.

    Attributes:
        net: the filled structure; valid as long as this object lives.
    """

    def __init__(self, net: Transformer, integers: bool, least: int = 1 << 16) -> None:
        self.integers, self.least = integers, least
        self._kept = list[Tensor]()
        blueprint = net.blueprint
        blocks = [block for block in net.blocks if isinstance(block, TransformerBlock)]
        self._layers = (Layer * len(blocks))(*(self._layer(net, block, i) for i, block in enumerate(blocks)))
        turned = net.cos.shape[1] if blueprint.rotary else 0
        self.net = Net(
            net.width,
            net.heads,
            blueprint.kv_heads or net.heads,
            net.head_width,
            net.room,
            turned,
            len(blocks),
            net.head.out_features,
            blueprint.parallel,
            blueprint.qk_norm == "all",
            list(ACTIVATIONS).index(blueprint.activation),
            blueprint.attention_scale or 1 / math.sqrt(net.head_width),
            blueprint.attention_cap or 0.0,
            blueprint.residual_scale,
            blueprint.embedding_scale,
            blueprint.logit_scale,
            blueprint.logit_cap or 0.0,
            Norm(1, _eps(blueprint.norm_eps), None, None) if blueprint.embedding_norm else Norm(),
            self._norm(net.norm),
            self._pointer(net.tokens.weight),
            None if net.places is None else self._pointer(net.places.weight),
            self._matrix(net.head, self.least << 4),
            self._layers,
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all that was copied."""
        return sum(tensor.nbytes for tensor in self._kept)

    def _layer(self, net: Transformer, block: TransformerBlock, index: int) -> Layer:
        """Return a block; its angles are the local ones where it has a window and they differ."""
        attention, blueprint = block.attention, net.blueprint
        cos = sin = None
        if attention.turned:
            local = net.windowed[index] and blueprint.rotary_local is not None
            cos, sin = (net.cos_local, net.sin_local) if local else (net.cos, net.sin)
        normalised = blueprint.qk_norm == "head" and attention.norm_q is None
        plain = Norm(1, _eps(attention.eps), None, None) if normalised else Norm()
        return Layer(
            *(self._matrix(layer) for layer in (attention.qkv, attention.out, block.inner, block.gate, block.outer)),
            *(self._norm(norm) for norm in (block.norm1, block.norm2, block.after1, block.after2)),
            *(plain if norm is None else self._norm(norm) for norm in (attention.norm_q, attention.norm_k)),
            None if cos is None else self._pointer(cos),
            None if sin is None else self._pointer(sin),
            blueprint.window or 0 if net.windowed[index] else 0,
        )

    def _norm(self, norm: nn.Module | None) -> Norm:
        """Return a norm; one of kind 0 for none."""
        if not isinstance(norm, attention.Norm):
            return Norm()
        weight = None if norm.weight is None else norm.weight + norm.added
        kind, eps = (2, norm.eps or 1e-5) if norm.layer else (1, _eps(norm.eps))
        return Norm(kind, eps, *(None if part is None else self._pointer(part) for part in (weight, norm.bias)))

    def _matrix(self, layer: nn.Linear | None, least: int | None = None) -> Matrix:
        """Return a packed matrix."""
        if layer is None:
            return Matrix()
        weight, found = layer.weight.detach().contiguous(), functions()
        outputs, inputs = weight.shape
        integers = self.integers and weight.numel() >= (self.least if least is None else least)
        packed = torch.empty(found.packed_size(inputs, outputs, integers), dtype=torch.int8)
        self._kept.append(packed)
        found.use_large_pages(packed.data_ptr(), packed.numel())
        bias = None if layer.bias is None else self._pointer(layer.bias)
        if not integers:
            found.pack(weight.data_ptr(), inputs, outputs, packed.data_ptr())
            return Matrix(inputs, outputs, packed.data_ptr(), None, None, bias)
        scales = torch.empty(found.scales_size(outputs))
        found.pack_integers(weight.data_ptr(), inputs, outputs, packed.data_ptr(), scales.data_ptr())
        self._kept.append(scales)
        return Matrix(inputs, outputs, None, packed.data_ptr(), scales.data_ptr(), bias)

    def _pointer(self, tensor: Tensor) -> int:
        """Return the address of a copy of some numbers, which is kept."""
        self._kept.append(tensor.detach().float().clone(memory_format=torch.contiguous_format))
        return self._kept[-1].data_ptr()


def _eps(eps: float | None) -> float:
    return torch.finfo(torch.float32).eps if eps is None else eps
