"""The transformer language model."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.transformer import CausalTransformer
from zaohua.spec import DataSpec


class GPT(CausalTransformer, TextModel):
    """Transformer that reads a text and says what comes next.

    Paper: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; with rotary positions,
    normalised queries and keys, RMSNorm and squared ReLU; trained by Muon (Jordan et al., 2024) and AdamW.
    """

    tiny: ClassVar[dict[str, Any]] = {"width": 16, "layers": 2, "heads": 2, "context": 16, "max_steps": 20,
                                      "max_tokens": 8, "batch_size": 8}

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """A causal transformer."""
        return self.transformer(vocabulary, y_spec, self.context)
