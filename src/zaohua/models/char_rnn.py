"""The recurrent language model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.texts import TextModel
from zaohua.nn.recurrent import Recurrent


class CharRNN(TextModel):
    """Recurrent language model, which predicts each token from those before it.

    Paper: Graves, "Generating Sequences With Recurrent Neural Networks", 2013 (arXiv:1308.0850); Karpathy, "The
    Unreasonable Effectiveness of Recurrent Neural Networks", 2015.
    """

    tiny: ClassVar[Json] = {
        "width": 16,
        "layers": 1,
        "context": 16,
        "max_steps": 20,
        "max_tokens": 8,
        "batch_size": 8,
    }

    width: Annotated[int, Between(1)] = 512
    """Width of the layers."""
    layers: Annotated[int, Between(1)] = 2
    """Number of recurrent layers."""
    cell: Literal["lstm", "gru"] = "lstm"
    """Type of the layers."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.2
    """Dropout probability between layers."""
    learning_rate = 2e-3
    ema_decay = 0.99

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """Build LSTM or GRU layers."""
        return Recurrent(vocabulary, y_spec, width=self.width, layers=self.layers, cell=self.cell, dropout=self.dropout)
