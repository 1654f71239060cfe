# SPDX-License-Identifier: Apache-2.0
"""Remotes in log lines."""

from control.conf.peers import RemoteConf
from control.store.keys import name_text


def address_text(remote: RemoteConf) -> str:
    """Return the first address of a remote: `ADDRESS@PORT`."""
    endpoint = remote.addresses[0]
    return f"{endpoint.address}@{endpoint.port}"


def key_text(remote: RemoteConf) -> str:
    """Return `, key NAME.`, and nothing without a key."""
    return "" if remote.key is None else f", key {name_text(remote.key.name)}"


def remote_text(remote: RemoteConf) -> str:
    """Return `ADDRESS@PORT PROTOCOL` and the key."""
    return f"{address_text(remote)} {'TLS' if remote.tls else 'TCP'}{key_text(remote)}"


RCODES = (
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMPL",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
)


def rcode_text(rcode: int) -> str:
    """Return the name of an RCODE as Knot's log has it, or its number."""
    return RCODES[rcode] if rcode < len(RCODES) else str(rcode)
