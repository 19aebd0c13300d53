"""Certificates for the tests: an authority of their own, and one for a server on loopback."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

HOST = "127.0.0.1"


def authority(file: Path) -> trustme.CA:
    """Make an authority; its certificate is in the file."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(file))
    return made


def certify(ca: trustme.CA, name: str) -> tuple[bytes, bytes]:
    """Return the certificate of a server of that name on loopback, and its key in PKCS 8."""
    made = ca.issue_cert(HOST, common_name=name)
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    as_pkcs8 = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return b"".join(part.bytes() for part in made.cert_chain_pems), as_pkcs8
