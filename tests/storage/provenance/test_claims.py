"""Claims of C2PA, signed with a certificate made here, which nobody trusts."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import pytest
from tests.storage.provenance.kinds import content, make

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.storage.outputs import whole_file
from zaohua.storage.provenance import claims
from zaohua.storage.provenance.origin import GENERATED, Origin, recorded

pytest.importorskip("c2pa")
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A chain of two certificates, and the key of the first."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(words: str) -> x509.Name:
        parts = ((NameOID.ORGANIZATION_NAME, "Test"), (NameOID.COMMON_NAME, words))
        return x509.Name([x509.NameAttribute(*part) for part in parts])

    def certificate(subject: str, key: ec.EllipticCurvePrivateKey, ca: bool) -> bytes:
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
        usage |= {"digital_signature": not ca, "key_cert_sign": ca, "crl_sign": ca}
        usage |= dict.fromkeys(("encipher_only", "decipher_only"), False)
        begin = datetime.datetime.now(datetime.UTC) - DAY
        builder = (
            x509.CertificateBuilder(name("CA"), name(subject), key.public_key(), x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.KeyUsage(**usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False)
        )
        if not ca:  # the profile of C2PA asks for a purpose
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    folder = tmp_path_factory.mktemp("pems")
    (folder / "chain.pem").write_bytes(certificate("Signer", own, False) + certificate("CA", root, True))
    for key, path in ((own, "key.pem"), (root, "other.pem")):
        form = serialization.PrivateFormat.PKCS8
        data = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        (folder / path).write_bytes(data)
    return folder / "chain.pem", folder / "key.pem"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.wav"])
def test_files_are_signed_with_the_same_facts(name: str, pems: tuple[Path, Path], tmp_path: Path) -> None:
    before, path = content(make(name, tmp_path / f"plain-{name}")), tmp_path / name
    origin = Origin("DDPM", "ab" * 32, 3)
    with recorded(origin, claims.Certificate.read(*pems)), whole_file(path) as temporary:
        make(name, temporary)
    assert content(path) == before
    said, claim = zh.origin(path), claims.read(path)
    assert said.origin is not None and (said.origin.model, said.unchanged, said.signed) == ("DDPM", True, True)
    assert claim == claims.Claim("Valid", "Signer, Test", f"zaohua {zh.__version__}", GENERATED)
    assert b"DDPM" in path.read_bytes() and str(tmp_path).encode() not in path.read_bytes()
    data = bytearray(path.read_bytes())
    data[-20] ^= 1  # anywhere, also in what we wrote
    path.write_bytes(data)
    changed = claims.read(path)
    assert changed is None or changed.state == "Invalid"


def test_files_without_claims_have_none(tmp_path: Path) -> None:
    for name in ("a.png", "a.csv", "a.wav"):
        assert claims.read(make(name, tmp_path / name)) is None


def test_what_cant_sign_is_told_before_anything_is_made(pems: tuple[Path, Path], tmp_path: Path) -> None:
    chain, key = pems
    with pytest.raises(ZaohuaError, match="chain.pem can't sign: it holds no private key in PEM"):
        claims.Certificate.read(chain, chain)
    with pytest.raises(ZaohuaError, match="chain.pem and .*other.pem can't sign: "):
        claims.Certificate.read(chain, key.with_name("other.pem"))
    (tmp_path / "x.pem").write_text("none")
    with pytest.raises(ZaohuaError, match="x.pem is no PEM file"):
        claims.Certificate.read(chain, tmp_path / "x.pem")
    with pytest.raises(ZaohuaError, match="nowhere.pem: can't be read: No such file"):
        claims.Certificate.read(chain, tmp_path / "nowhere.pem")
    signer = claims.Certificate.read(chain, key)
    with pytest.raises(ZaohuaError, match="csv files can't be signed"):
        with recorded(Origin("GMM"), signer), whole_file(tmp_path / "x.csv") as temporary:
            temporary.write_text("a\n")
    assert not (tmp_path / "x.csv").exists()


def test_the_package_that_is_missing_is_named(pems: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(ZaohuaError, match=r"signing needs the c2pa-python package: pip install 'zaohua\[sign\]'"):
        claims.Certificate.read(*pems)
    assert not claims.is_installed()
