"""What distinguishes the transformers of this field, as settings of one network.

`nn.transformer.Transformer` computes any of them. `ZAOHUA`, `GPT2` and `LLAMA` have names; what published weights need
is made by `interop.architectures`.

Sources: RMSNorm, Zhang & Sennrich 2019 (arXiv:1910.07467); rotary positions, Su et al. 2021 (arXiv:2104.09864);
normalised queries and keys, Henry et al. 2020 (arXiv:2010.04245); gated perceptrons, Shazeer 2020 (arXiv:2002.05202);
squared ReLU, So et al. 2021 (arXiv:2109.08668); grouped queries, Ainslie et al. 2023 (arXiv:2305.13245); caps, windows
and norms on both sides, Gemma Team 2024 (arXiv:2408.00118); YaRN, Peng et al. 2023 (arXiv:2309.00071).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

Activation = Literal["silu", "gelu", "gelu_tanh", "relu2"]


@dataclass(frozen=True)
class Stretch:
    """Change of rotary frequencies for contexts longer than those that a model first learnt.

    Attributes:
        kind: "linear" divides all frequencies by `factor`; "llama3" divides the low ones; "yarn" too, and multiplies
            cosines and sines by `scale`.
        factor: how many times longer.
        low: llama3: wavelengths above `context / low` are divided in full; yarn: the slow end (`beta_slow`).
        high: llama3: those below `context / high` are not; yarn: the fast end (`beta_fast`).
        context: number of tokens that the model learnt at first.
        scale: factor of cosines and sines.
        truncate: yarn: whether the ends are rounded to whole channels.
    """

    kind: Literal["linear", "llama3", "yarn"]
    factor: float
    low: float = 1.0
    high: float = 4.0
    context: int = 8192
    scale: float = 1.0
    truncate: bool = True


@dataclass(frozen=True, repr=False)
class Blueprint:
    """Settings of a causal transformer, besides its sizes.

    Attributes:
        norm: divide by the root mean square, or standardise ("layer").
        norm_weight: weights w of norms: none, w, or 1 + w.
        norm_bias: whether norms have biases ("layer").
        norm_eps: added to the mean square; None for the smallest number of the type.
        norm_places: norms before each sublayer, after it (before it is added), or both.
        embedding_norm: norm without weights behind the embedding.
        parallel: both sublayers of a block read its input, instead of one after the other.
        kv_heads: number of heads of keys and values, each shared by several heads of queries; None for all heads.
        head_width: channels of a head; None for width / heads.
        qkv_bias: biases of queries, keys and values.
        out_bias: biases of the attention's output.
        mlp_bias: biases of the perceptron.
        head_bias: biases of the logits.
        qk_norm: normalise queries and keys by the head, all heads together, or not.
        qk_norm_weight: weights of these norms, as `norm_weight`.
        attention_scale: factor of queries times keys; None for 1 / sqrt(head_width).
        attention_cap: scores s become cap * tanh(s / cap); None for no cap.
        attention_dropout: whether attention weights are dropped, too.
        window: number of tokens that a layer of `windowed` sees, itself among them; None for all.
        windowed: indices of these layers; None for all layers.
        rotary: whether queries and keys are turned by their positions.
        rotary_base: largest period of an angle, over 2 pi.
        rotary_local: the same in layers of `windowed`, where no `stretch` applies; None for the same as elsewhere.
        rotary_ends: whether the slowest angle has that period; otherwise the one after it would.
        rotary_share: share of a head's channels that is turned.
        stretch: change of frequencies for long contexts.
        unturned: indices of layers without rotary positions.
        positions: whether positions are learnt and added to the embedding.
        inner: channels within the perceptron; None for 4 width, and 8/3 width if it is gated.
        gated: whether a second product gates the activation.
        activation: activation of the perceptron.
        embedding_scale: factor of embeddings.
        residual_scale: factor of what a sublayer adds.
        logit_scale: factor of logits.
        logit_cap: logits l become cap * tanh(l / cap); None for no cap.
        tied: whether the embedding is the matrix of the logits, too.
    """

    norm: Literal["rms", "layer"] = "rms"
    norm_weight: Literal["none", "plain", "plus_one"] = "plain"
    norm_bias: bool = False
    norm_eps: float | None = 1e-5
    norm_places: Literal["before", "after", "both"] = "before"
    embedding_norm: bool = False
    parallel: bool = False
    kv_heads: int | None = None
    head_width: int | None = None
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    qk_norm: Literal["none", "head", "all"] = "none"
    qk_norm_weight: Literal["none", "plain", "plus_one"] = "plain"
    attention_scale: float | None = None
    attention_cap: float | None = None
    attention_dropout: bool = False
    window: int | None = None
    windowed: tuple[int, ...] | None = None
    rotary: bool = True
    rotary_base: float = 1e4
    rotary_local: float | None = None
    rotary_ends: bool = False
    rotary_share: float = 1.0
    stretch: Stretch | None = None
    unturned: tuple[int, ...] = ()
    positions: bool = False
    inner: int | None = None
    gated: bool = True
    activation: Activation = "silu"
    embedding_scale: float = 1.0
    residual_scale: float = 1.0
    logit_scale: float = 1.0
    logit_cap: float | None = None
    tied: bool = True

    def __repr__(self) -> str:
        """Return what differs from the defaults."""
        changed = (f.name for f in dataclasses.fields(self) if getattr(self, f.name) != f.default)
        return f"Blueprint({', '.join(f'{name}={getattr(self, name)!r}' for name in changed)})"

    def window_of(self, layer: int) -> int | None:
        """Return the number of tokens that a layer sees; None for all before it."""
        return self.window if self.windowed is None or layer in self.windowed else None

    def inner_of(self, width: int) -> int:
        """Return the channels within the perceptron of a network of some width."""
        if self.inner is not None:
            return self.inner
        return 64 * math.ceil(width / 24) if self.gated else 4 * width

    def to_json(self) -> Json:
        """Return what differs from the defaults, as JSON values."""
        mine: Json = dataclasses.asdict(self)
        return {name: value for name, value in mine.items() if value != dataclasses.asdict(Blueprint())[name]}

    @classmethod
    def from_json(cls, values: Json) -> Blueprint:
        """Restore the result of `to_json`.

        Raises:
            ZaohuaError: it isn't one.
        """
        lists = {name: tuple(values[name]) for name in ("windowed", "unturned") if values.get(name) is not None}
        try:
            stretch = Stretch(**values["stretch"]) if values.get("stretch") else None
            return cls(**{**values, **lists, "stretch": stretch})
        except TypeError:
            raise ZaohuaError(f"these aren't settings of a transformer: {values!r:.200}") from None


ZAOHUA = Blueprint(
    norm_weight="none",
    norm_eps=None,
    embedding_norm=True,
    qk_norm="head",
    qk_norm_weight="none",
    rotary_ends=True,
    gated=False,
    activation="relu2",
    logit_cap=15.0,
    tied=False,
)
"""As current small models: all norms without weights, squared ReLU, capped logits; sublayers that are zero at first."""
GPT2 = Blueprint(
    norm="layer",
    norm_bias=True,
    qkv_bias=True,
    out_bias=True,
    mlp_bias=True,
    attention_dropout=True,
    rotary=False,
    positions=True,
    gated=False,
    activation="gelu",
)
"""Radford et al. 2019: learnt positions, LayerNorm, GELU, biases, tied embeddings."""
LLAMA = Blueprint()
"""Touvron et al. 2023 (arXiv:2302.13971), with tied embeddings: RMSNorm, rotary positions, gated perceptrons."""
NAMED = {"zaohua": ZAOHUA, "gpt2": GPT2, "llama": LLAMA}
"""Blueprints by the names that a model's `architecture` may be."""
