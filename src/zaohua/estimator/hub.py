"""Methods by which models are passed on, under the names that users of the hub know."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from zaohua.core.errors import ZaohuaError
from zaohua.storage.loading import load
from zaohua.storage.published import writer


class HubMethods:
    """Base of models that are written to the hub and read from it."""

    def push_to_hub(self, name: str, **options: object) -> str:
        """Write the fitted model to huggingface.co; the same as `zaohua.push_to_hub`.

        Args:
            name: `org/name`.
            options: `license`, `datasets`, `tags`, `private` and `overwrite`, see there.

        Returns:
            `org/name@revision`, which stands for what was written.

        Raises:
            ZaohuaError: nobody is logged in, the base's licence forbids it, or the repository holds other files.
        """
        return writer().push_to_hub(self, name, **options)

    @classmethod
    def from_pretrained(cls, path: str | Path, device: str = "auto") -> Self:
        """Load a model as `zaohua.load` does, and check that it is of this class.

        Args:
            path: a run folder, `org/name[@revision]` on huggingface.co, a folder that transformers wrote, or a .gguf.
            device: device of the networks, as for `zaohua.load`.

        Raises:
            ZaohuaError: it holds no model, or one of another class.
        """
        model = load(path, device)
        if not isinstance(model, cls):
            raise ZaohuaError(f"{path} holds a {type(model).__name__}, not a {cls.__name__}: zaohua.load reads either")
        return model
