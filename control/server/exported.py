# SPDX-License-Identifier: Apache-2.0
"""What the Prometheus endpoint tells of a zone; apart from the endpoint, whose library is imported only when used."""

from typing import NamedTuple


class ZoneState(NamedTuple):
    """What is told of one zone; None: nothing."""

    name: str
    serial: int | None = None
    refresh_in_s: int | None = None
    """Seconds until the next refresh, 0 when it is due or runs."""
    expiration_in_s: int | None = None
    """Seconds until the zone expires."""
    soa_timers: tuple[int, int, int] | None = None
    """REFRESH, RETRY and EXPIRE of the SOA."""
