# SPDX-License-Identifier: Apache-2.0
"""How slow a transfer may be on the whole, in either direction, whatever is configured.

One that is too slow holds a snapshot and with it old pages of the store, or occupies a worker, and may never end.
"""

GRACE_S = 600.0
SLOWEST_OCTETS_PER_S = 1024


def longest_s(octets: int, grace_s: float = GRACE_S) -> float:
    """Return the seconds that a transfer of so many octets may have taken."""
    return grace_s + octets / SLOWEST_OCTETS_PER_S
