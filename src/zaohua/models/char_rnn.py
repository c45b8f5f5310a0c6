"""The recurrent language model."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from torch import nn

from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.texts import TextModel
from zaohua.nn.recurrent import Recurrent


class CharRNN(TextModel):
    """Recurrent network that reads a text letter by letter and says what comes next.

    Paper: Graves, "Generating Sequences With Recurrent Neural Networks", 2013 (arXiv:1308.0850); Karpathy, "The
    Unreasonable Effectiveness of Recurrent Neural Networks", 2015.
    """

    tiny: ClassVar[dict[str, Any]] = {
        "width": 16,
        "layers": 1,
        "context": 16,
        "max_steps": 20,
        "max_tokens": 8,
        "batch_size": 8,
    }

    width: Annotated[int, Between(1)] = 512
    """Numbers in the state of a layer."""
    layers: Annotated[int, Between(1)] = 2
    """Recurrent layers on top of each other."""
    cell: Literal["lstm", "gru"] = "lstm"
    """Kind of the layers."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.2
    """Probability with which an activation between layers is dropped in training."""
    learning_rate = 2e-3
    ema_decay = 0.99

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """Build LSTM or GRU layers."""
        return Recurrent(vocabulary, y_spec, width=self.width, layers=self.layers, cell=self.cell, dropout=self.dropout)
