"""The transformer language model."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.advice import either, option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.transformer import CausalTransformer
from zaohua.modalities.texts.codec import TextCodec
from zaohua.nn.lora import adapt, merge


class GPT(CausalTransformer[TextCodec], TextModel):
    """Transformer language model, which predicts each token from those before it.

    Paper: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; with rotary positions,
    normalised queries and keys, RMSNorm and squared ReLU; trained by Muon (Jordan et al., 2024) and AdamW.
    """

    tiny: ClassVar[Json] = {
        "width": 16,
        "layers": 2,
        "heads": 2,
        "context": 16,
        "max_steps": 20,
        "max_tokens": 8,
        "batch_size": 8,
    }

    lora: Annotated[int, Between(0)] = 0
    """Rank of LoRA adapters in fine-tuning, while the linear layers stay fixed; 0 trains all weights."""

    def _check(self) -> None:
        super()._check()
        if self.lora and self.base_ is None:
            raise ZaohuaError(
                f"GPT: {option('lora')} needs a trained model to start from ({either('finetune(X)', '--base RUN')})"
            )

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """Build a causal transformer."""
        return self.transformer(vocabulary, y_spec, self.context)

    def add_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Add LoRA adapters to the layers within the blocks, with `lora`; otherwise return the networks as they are."""
        if self.lora:
            adapt(nets["net"], "blocks", self.lora)
        return nets

    def merge_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Merge the adapters into a plain network."""
        return nn.ModuleDict({"net": merge(nets["net"])}).eval() if self.lora else nets

    def by_muon(self, name: str) -> bool:
        """Return whether Muon trains the parameter of that name: as for all transformers, except adapters."""
        return super().by_muon(name) and not self.lora
