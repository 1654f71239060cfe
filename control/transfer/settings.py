# SPDX-License-Identifier: Apache-2.0
"""What the client of other name servers is told of the configuration."""

from typing import NamedTuple

from control.transfer.credentials import TlsSettings
from control.transfer.pace import GRACE_S
from control.transfer.secure import NO_TLS


class ClientSettings(NamedTuple):
    """Items of `server` that act here, and what limits transfers whatever is configured."""

    io_timeout_s: float = 5.0
    pool_limit: int = 0
    pool_timeout_s: int = 5
    retry_delay_s: float = 0.0
    udp_payload: int = 1232
    transfer_grace_s: float = GRACE_S
    tls: TlsSettings = NO_TLS


DEFAULT_SETTINGS = ClientSettings()
