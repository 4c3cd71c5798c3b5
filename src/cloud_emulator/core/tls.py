"""The emulator's own certificate authority, so that clients keep verifying certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

HOSTS = ("localhost", "127.0.0.1", "::1", "*.datawarehouse.fabric.microsoft.com")
"""The last are the servers of SQL analytics endpoints, for clients that resolve their names to the emulator."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the authority's certificate, and of the server's certificate and key, in PEM."""

    authority: Path
    certificate: Path
    key: Path


def ensure_certificates(folder: Path) -> TlsFiles:
    """The certificates in a folder, made when they aren't there."""
    files = TlsFiles(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if not all(path.exists() for path in (files.authority, files.certificate, files.key)):
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="unity-mirror cloud emulator")
        server = authority.issue_cert(*HOSTS, common_name="localhost")
        authority.cert_pem.write_to_path(str(files.authority))
        server.private_key_pem.write_to_path(str(files.key))
        files.key.chmod(0o600)
        files.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    return files
