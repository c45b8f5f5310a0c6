"""Claims of C2PA: the same facts, signed, so that nobody can change them or the file unnoticed.

The package `c2pa-python` signs and checks them. It is told to fetch nothing from elsewhere.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.storage.atomic import read_file
from zaohua.storage.provenance.edits import LARGEST
from zaohua.storage.provenance.origin import CONTENT, GENERATED, plain

SIGNED = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".wav", ".wave")
"""Endings of files that are signed."""
FORMATS = {**dict.fromkeys((".jpe", ".jfif"), "jpg"), ".wave": "wav"}
"""Formats as the library calls them, where endings differ."""
ASSERTION = "io.github.zaohua.origin"
"""Label of the facts in a claim."""
SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
"""Algorithms of signatures, by the curve of a key."""
MISSING = "needs the c2pa-python package: pip install 'zaohua[sign]'"
DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
"""A picture of one pixel, to try a certificate with."""


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, which sign files.

    Attributes:
        chain: the certificate, and those that vouch for it, as PEM.
        key: its private key, as PEM.
        algorithm: of the signatures, as C2PA calls it.
    """

    chain: bytes
    key: bytes
    algorithm: str

    @classmethod
    def read(cls, chain: Path, key: Path) -> Certificate:
        """Read a certificate and its key, and try to sign with them.

        Raises:
            ZaohuaError: they can't sign, or c2pa-python isn't installed.
        """
        _c2pa("signing")
        certificates, secret = (_pem(path) for path in (chain, key))
        found = cls(certificates, secret, _algorithm(key, secret))
        try:
            found.sign(DOT, ".png", {"source": GENERATED})
        except ZaohuaError as error:
            raise ZaohuaError(f"{chain} and {key} can't sign: {error}") from error
        return found

    def takes(self, suffix: str) -> bool:
        """Return whether files of an ending can be signed."""
        return suffix.casefold() in SIGNED

    def sign(self, data: bytes, suffix: str, facts: dict[str, object]) -> bytes:
        """Return a signed file.

        Args:
            data: the file.
            suffix: its ending.
            facts: what the claim holds, see `Origin.record`.

        Raises:
            ZaohuaError: the file or the certificate can't be used.
        """
        if not self.takes(suffix):
            raise ZaohuaError(f"{suffix} files can't be signed, but {', '.join(SIGNED[:2])}, .webp and .wav files can")
        c2pa, out = _c2pa("signing"), io.BytesIO()
        info = (getattr(c2pa.C2paSigningAlg, self.algorithm), self.chain, self.key, None)
        try:
            signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(*info))
            builder = c2pa.Builder(json.dumps(_claim(facts)), context=c2pa.Context.from_dict(SETTINGS))
            builder.sign(signer, _format(suffix), io.BytesIO(data), out)
        except (c2pa.C2paError, ValueError) as error:
            raise ZaohuaError(_line(error)) from error
        return out.getvalue()


@dataclass(frozen=True)
class Claim:
    """A claim that a file holds.

    Attributes:
        state: "Trusted", "Valid" (but the certificate isn't one that is known) or "Invalid".
        signer: who signed it, as the certificate says.
        generator: the program that made it.
        source: digital source type that it states, or None.
    """

    state: str
    signer: str | None
    generator: str | None
    source: str | None


def is_installed() -> bool:
    """Return whether claims can be read."""
    try:
        _c2pa("reading")
    except ZaohuaError:
        return False
    return True


def read(path: Path) -> Claim | None:
    """Return the newest claim of a file; None if it has none that can be read.

    Raises:
        ZaohuaError: c2pa-python isn't installed.
    """
    c2pa = _c2pa("reading signatures")
    try:
        with path.open("rb") as file:
            reader = c2pa.Reader(_format(path.suffix), file, context=c2pa.Context.from_dict(SETTINGS))
            state, manifest = str(reader.get_validation_state()), reader.get_active_manifest()
    except (c2pa.C2paError, OSError, ValueError):
        return None
    if not isinstance(manifest, dict):
        return None
    info, generators = manifest.get("signature_info") or {}, manifest.get("claim_generator_info") or [{}]
    names = [plain(info.get(key)) for key in ("common_name", "issuer")]
    made = [plain(generators[0].get(key)) for key in ("name", "version")]
    return Claim(state, ", ".join(filter(None, names)) or None, " ".join(filter(None, made)) or None, _source(manifest))


def _claim(facts: dict[str, object]) -> dict[str, object]:
    """Return what is signed; the hash of the content is C2PA's own."""
    agent = {"name": facts.get("generator", "zaohua"), "version": facts.get("version", "0")}
    action = {"action": "c2pa.created", "softwareAgent": agent, "digitalSourceType": facts["source"]}
    action |= {"when": facts["time"]} if "time" in facts else {}
    own = {name: value for name, value in facts.items() if name != CONTENT}
    return {
        "claim_generator_info": [agent],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": ASSERTION, "data": own},
        ],
    }


def _source(manifest: dict[str, Any]) -> str | None:
    """Return the digital source type of the first action that states one."""
    for assertion in manifest.get("assertions") or []:
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in (assertion.get("data") or {}).get("actions") or []:
                if action.get("digitalSourceType"):
                    return plain(action["digitalSourceType"])
    return None


def _algorithm(path: Path, key: bytes) -> str:
    """Return the algorithm that a private key is for."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = "it has a password" if isinstance(error, TypeError) else "it holds no private key in PEM"
        raise ZaohuaError(f"{path} can't sign: {reason}") from error
    if isinstance(found, ec.EllipticCurvePrivateKey) and found.curve.name in CURVES:
        return CURVES[found.curve.name]
    if isinstance(found, ed25519.Ed25519PrivateKey):
        return "ED25519"
    if isinstance(found, rsa.RSAPrivateKey):
        return "PS256"
    raise ZaohuaError(f"{path} can't sign: C2PA takes keys of P-256, P-384, P-521, Ed25519 and RSA")


def _pem(path: Path) -> bytes:
    try:
        data = read_file(path)
    except OSError as error:
        raise ZaohuaError(f"{path}: can't be read: {error.strerror}") from error
    if len(data) > LARGEST or b"-----BEGIN" not in data:
        raise ZaohuaError(f"{path} is no PEM file, which begins with -----BEGIN")
    return data


def _format(suffix: str) -> str:
    return FORMATS.get(suffix.casefold(), suffix.casefold()[1:])


def _line(error: Exception) -> str:
    """Write an error of the library as one short line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _c2pa(doing: str) -> ModuleType:
    try:
        import c2pa
    except ImportError:
        raise ZaohuaError(f"{doing} {MISSING}") from None
    found: ModuleType = c2pa
    return found
