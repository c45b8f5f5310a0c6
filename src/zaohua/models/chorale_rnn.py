"""The recurrent model of chorales."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.frames import FrameModel
from zaohua.nn.frames import FrameRNN


class ChoraleRNN(FrameModel):
    """Recurrent model of music, which predicts the keys or voices of each time step from those before it.

    Paper: Boulanger-Lewandowski, Bengio and Vincent, "Modeling Temporal Dependencies in High-Dimensional Sequences:
    Application to Polyphonic Music Generation and Transcription", 2012 (arXiv:1206.6392).
    """

    default_steps: ClassVar[int] = 2500
    tiny: ClassVar[Json] = {
        "width": 16,
        "hidden": 8,
        "max_steps": 20,
        "max_frames": 12,
        "particles": 4,
        "batch_size": 8,
    }

    width: Annotated[int, Between(1)] = 200
    """Width of the layers."""
    hidden: Annotated[int, Between(1)] | None = None
    """Hidden units of the perceptron for each key or voice; None: 64 for voices, 16 for keys."""
    layers: Annotated[int, Between(1)] = 1
    """Number of recurrent layers, or of blocks of two convolutions."""
    cell: Literal["lstm", "gru", "conv"] = "gru"
    """Type of the layers; convolutions see only a few time steps, but learn independent keys better."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.2
    """Dropout probability of the layers' outputs."""
    input_dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout probability of the notes of the previous time step, and of their changes."""
    learning_rate = 5e-3
    ema_decay = 0.99

    def network(self, cells: int, size: int, y_spec: DataSpec | None) -> nn.Module:
        """Build recurrent layers and a head over the cells of a frame."""
        hidden = self.hidden or (16 if size == 2 else 64)
        return FrameRNN(
            cells,
            size,
            y_spec,
            width=self.width,
            hidden=hidden,
            layers=self.layers,
            cell=self.cell,
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            bar=self.bar,
            autoregressive=self.head == "autoregressive",
        )
