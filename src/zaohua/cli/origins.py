"""What the files that commands write say of what made them: two options, and their work."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.cli.flags import OVERWRITE, Flag
from zaohua.cli.options import Options
from zaohua.core.errors import ZaohuaError
from zaohua.storage.atomic import hashes_of
from zaohua.storage.layout import WEIGHTS
from zaohua.storage.provenance.origin import COMPOSITE, GENERATED, MEASURED, Origin, Signer, no_origin, recorded

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

__all__ = ["COMPOSITE", "GENERATED", "MEASURED", "ORIGIN", "WRITING", "Writing"]

ORIGIN = Flag(
    "origin", bool, True, off="Leave out of files what made them: program, model, hash of the weights, seed and time."
)
SIGN = Flag(
    "sign",
    tuple[str, ...],
    (),
    "Sign the files by C2PA with a certificate chain and its private key, two PEM files (PNG, JPEG, WebP and WAV).",
    repeat=True,
    metavar="CERT KEY",
)
WRITING = (OVERWRITE, ORIGIN, SIGN)
"""Options of the commands that write what a model made."""


class Writing:
    """How the files of a command say what made them; made before anything is computed.

    Args:
        values: of the options `WRITING`.
        paths: the files that will be written, as far as they are known.

    Raises:
        ZaohuaError: they are to be signed, and can't be.
    """

    def __init__(self, values: Options, *paths: Path | None):
        self.wanted, given = values.of("origin", bool), values.texts("sign")
        self.signer: Signer | None = None
        if not given:
            return
        if len(given) != 2:
            raise ZaohuaError(f"--sign takes two files, CERT KEY, not {' '.join(given)!r}")
        if not self.wanted:
            raise ZaohuaError("--sign signs what --no-origin leaves out: give one of them")
        from zaohua.storage.provenance.claims import SIGNED, Certificate

        self.signer = Certificate.read(Path(given[0]), Path(given[1]))
        for path in paths:
            if path is not None and path.suffix and not self.signer.takes(path.suffix):
                raise ZaohuaError(f"{path}: {path.suffix} files can't be signed: --sign takes {', '.join(SIGNED)}")

    def by(
        self, model: GenerativeModel, run: str | Path, seed: int | None, source: str = GENERATED
    ) -> AbstractContextManager[None]:
        """Return the context in which files say that a model made them.

        Args:
            model: the model.
            run: its folder.
            seed: as it was given; None for the model's own.
            source: digital source type of the files.
        """
        if not self.wanted:
            return no_origin()
        state = model.random_state if seed is None else seed
        known = state if isinstance(state, int) else None
        return recorded(Origin(type(model).__name__, hashes_of(Path(run)).get(WEIGHTS), known, source), self.signer)


def previews(values: Options) -> AbstractContextManager[None]:
    """Return the context of a training, in which previews say what made them unless --no-origin is given."""
    return nullcontext() if values.of("origin", bool) else no_origin()
