"""Reading of adapters (LoRA) as PEFT saves them: a folder with a product of two small matrices for each adapted one.

The model of such a folder has the weights of its base with these products added. What else PEFT can do to a model, and
what would change the result, is refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.interop import huggingface
from zaohua.interop.configuration import Plan
from zaohua.interop.names import NAMES, TRANSPOSED
from zaohua.interop.weights import full_name
from zaohua.storage.published import ADAPTERS, is_hub_name

WEIGHTS = "adapter_model.safetensors"
PICKLE = "adapter_model.bin"
KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
REFUSED = (
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "alpha_pattern",
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "arrow_config",
    "kasa_config",
    "velora_config",
    "monteclora_config",
    "alora_invocation_tokens",
    "megatron_config",
)
"""Settings of PEFT's that change what an adapted model computes, and aren't known here."""
PLAIN = (None, True, False, "gaussian", "eva", "orthogonal")
"""Ways to begin training that leave the base as it is."""


@dataclass(frozen=True)
class Adapters:
    """Settings of a folder of adapters.

    Attributes:
        folder: where they are.
        base: the published model that they are for: a folder, a .gguf, or a name on the hub.
        rank: rank of the products.
        alpha: what they are multiplied by, times the rank.
        by_root: whether `alpha` is divided by the root of the rank instead of the rank.
    """

    folder: Path
    base: str
    rank: int
    alpha: float
    by_root: bool

    @classmethod
    def of(cls, folder: Path) -> Adapters:
        """Read the settings of a folder.

        Raises:
            ZaohuaError: they ask for something that isn't known, or name a base that isn't there.
        """
        path = folder / ADAPTERS
        config = huggingface.read_json(path)
        kind = config.get("peft_type")
        if kind != "LORA":
            raise ZaohuaError(f"{path}: adapters of the type {kind!r:.40} can't be read, only LORA")
        for name in REFUSED:
            if config.get(name):
                raise ZaohuaError(f"{path}: {name} can't be done: only plain LoRA is read")
        if config.get("bias", "none") != "none":
            raise ZaohuaError(f"{path}: its biases were trained, too (bias), which isn't read")
        if (begun := config.get("init_lora_weights")) not in PLAIN:
            raise ZaohuaError(f"{path}: init_lora_weights={begun!r:.40} changes the base, too, which can't be done")
        rank, alpha = config.get("r"), config.get("lora_alpha")
        if not isinstance(rank, int) or isinstance(rank, bool) or not 0 < rank < 1 << 16:
            raise ZaohuaError(f"{path}: r is {rank!r:.40}: it is damaged")
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not math.isfinite(alpha):
            raise ZaohuaError(f"{path}: lora_alpha is {alpha!r:.40}: it is damaged")
        return cls(folder, _base(config, path), rank, float(alpha), bool(config.get("use_rslora")))

    def scale(self, rank: int) -> float:
        """Return what a product of a rank is multiplied by."""
        return self.alpha / (math.sqrt(rank) if self.by_root else rank)

    def weights(self, base: Mapping[str, Tensor], plan: Plan) -> Mapping[str, Tensor]:
        """Return the weights of the base with the products added.

        Raises:
            ZaohuaError: the matrices don't fit the base, or some are missing.
        """
        if not (self.folder / WEIGHTS).is_file():
            why = f"only {PICKLE}, which isn't opened, as it can hold code" if (self.folder / PICKLE).exists() else ""
            raise ZaohuaError(f"{self.folder} has no {WEIGHTS}{', ' * bool(why)}{why}: save them as safetensors")
        files = huggingface.Shards(self.folder, WEIGHTS)
        return Adapted(self, base, files, plan)


def _base(config: Json, path: Path) -> str:
    """Return the path or name of the published model that adapters are for."""
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(name, str) or not name:
        raise ZaohuaError(f"{path} names no base: write its folder or name into base_model_name_or_path")
    for place in (path.parent / name, Path(name)):
        if place.exists():
            if (place / ADAPTERS).exists():
                raise ZaohuaError(f"{path}: its base, {place}, holds adapters itself: merge them first")
            return str(place)
    if is_hub_name(name):
        return f"{name}@{revision}" if isinstance(revision, str) and revision and "@" not in name else name
    raise ZaohuaError(
        f"the adapters of {path.parent} are for {name}, which isn't there: write where it is into "
        f"base_model_name_or_path of {path.name}"
    )


class Adapted(Mapping[str, Tensor]):
    """Weights of a published model with adapters, each computed when it is asked for.

    Args:
        adapters: the settings.
        base: weights of the base, by their published names.
        files: tensors of the adapters.
        plan: which network they belong to.

    Raises:
        ZaohuaError: the matrices aren't those of layers of this network, or some are missing.
    """

    def __init__(self, adapters: Adapters, base: Mapping[str, Tensor], files: Mapping[str, Tensor], plan: Plan) -> None:
        self.adapters, self.base, self.files = adapters, base, files
        source = adapters.folder / WEIGHTS
        layers = dict(linear_layers(plan))
        pairs: dict[str, dict[str, str]] = {}
        for key in files:
            match = KEY.fullmatch(key)
            if match is None:
                raise ZaohuaError(f"{source}: {key:.80} is no matrix of LoRA (lora_A or lora_B of a layer)")
            pairs.setdefault(full_name(match[1] + ".weight", plan), {})[match[2]] = key
        for name, pair in pairs.items():
            if name not in layers:
                raise ZaohuaError(f"{source}: {name.removesuffix('.weight')} isn't an adapted layer of {plan.kind}")
            if len(pair) < 2:
                raise ZaohuaError(f"{source}: of {name.removesuffix('.weight')} one of the two matrices is missing")
        if not pairs:
            raise ZaohuaError(f"{source} holds no adapters: it is damaged")
        self.pairs = {name: (pair["A"], pair["B"], layers[name]) for name, pair in pairs.items()}
        self.names = {full_name(name, plan): name for name in base}
        if missing := pairs.keys() - self.names.keys():
            raise ZaohuaError(f"{source}: {adapters.base} has no {min(missing)}: they are for another model")
        self.full = {name: full for full, name in self.names.items()}

    def __getitem__(self, name: str) -> Tensor:
        """Read a weight of the base, and add the product of its adapters."""
        weight, full = self.base[name], self.full[name]
        if full not in self.pairs:
            return weight
        first, second, transposed = self.pairs[full]
        a, b = self.files[first], self.files[second]
        shape = tuple(weight.t().shape) if transposed and weight.ndim == 2 else tuple(weight.shape)
        if a.ndim != 2 or b.ndim != 2 or (len(b), a.shape[1]) != shape or len(a) != b.shape[1] or not len(a):
            what = f"{tuple(b.shape)} times {tuple(a.shape)}, for a layer of {shape}"
            raise ZaohuaError(f"{self.adapters.folder / WEIGHTS}: the adapters of {full} don't fit: {what}")
        change = (b @ a) * self.adapters.scale(len(a))
        if not bool(torch.isfinite(change).all()):
            raise ZaohuaError(f"{self.adapters.folder / WEIGHTS}: the adapters of {full} have infinite numbers or none")
        return weight + (change.t() if transposed else change)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.base)

    def __len__(self) -> int:
        """Return the number of tensors."""
        return len(self.base)


def linear_layers(plan: Plan) -> Iterator[tuple[str, bool]]:
    """Yield the published names of the weights in a network's blocks, and whether they have the inputs first."""
    outer = NAMES[plan.kind].outer
    for join in NAMES[plan.kind].joins(plan.layers):
        if join not in outer and not any("norm" in name or "after" in name for name in join.ours):
            yield from ((f"{name}.weight", join.change is TRANSPOSED) for name in join.theirs)
