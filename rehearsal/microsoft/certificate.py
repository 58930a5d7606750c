"""The login address's certificate: signed by an authority of the rehearsal's own, whose file the settings point at.

Made once for each data folder and kept, so that a rehearsal world that starts again is still trusted by the processes
that run.
"""

from dataclasses import dataclass
from pathlib import Path

import trustme

_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Certificate:
    """Files of PEM."""

    authority: Path
    chain: Path
    private_key: Path


def login_certificate(folder: Path) -> Certificate:
    """The certificate in `folder`, made if it is not there whole. Clients trust `ca.pem`."""
    files = Certificate(folder / "ca.pem", folder / "login-chain.pem", folder / "login-key.pem")
    finished = folder / "login-certificate-finished"
    if not finished.exists():
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="Cadenza rehearsal")
        certificate = authority.issue_cert(*_NAMES)
        files.private_key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(files.private_key)
        files.chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
        authority.cert_pem.write_to_path(files.authority)
        finished.touch()
    return files
