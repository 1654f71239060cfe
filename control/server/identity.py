# SPDX-License-Identifier: Apache-2.0
"""What the configuration says of TLS, read from its files: who the server is, and whom it trusts."""

import os
from typing import TypeAlias

from control.conf.model import Config
from control.transfer.credentials import TlsSettings, load_credentials, read_authorities, server_context

State: TypeAlias = tuple[tuple[str | None, tuple[int, int, int] | None], ...]


def read_tls(config: Config, *, listens: bool, kept_key: str | None) -> TlsSettings:
    """Read and try what is configured; raise CredentialProblem that names item and file. Blocks.

    `listens`: there have to be credentials. `kept_key` is where the key is of a certificate made here, None: no
    certificate is made.
    """
    server = config.server
    settings = read_authorities(server.ca_files)
    if not server.cert_file and not server.key_file and (not listens or kept_key is None):
        return settings
    name = server.identity.decode("ascii", "replace")
    credentials = load_credentials(server.cert_file, server.key_file, kept_key or "", name)
    server_context(credentials)
    return settings._replace(credentials=credentials)


def state_of_files(config: Config) -> State:
    """Return which files `read_tls` reads and what tells whether they have changed since."""
    server = config.server
    return tuple((path, _state(path)) for path in (server.cert_file, server.key_file, *server.ca_files))


def _state(path: str | None) -> tuple[int, int, int] | None:
    if not path:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
