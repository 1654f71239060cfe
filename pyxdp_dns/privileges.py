# SPDX-License-Identifier: Apache-2.0
"""Giving up what a process may do (csrc/privileges.h)."""

from pyxdp_dns.native import check, lib


def drop() -> None:
    """Lose every capability for good, also through programs that are executed; for a process with one thread."""
    check(lib.xd_privileges_drop(-1, -1), "dropping capabilities")
