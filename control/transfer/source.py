# SPDX-License-Identifier: Apache-2.0
"""Where a remote is asked from (`remote.via`)."""

from control.conf.peers import PeerEndpoint, RemoteConf


def source_for(remote: RemoteConf, endpoint: PeerEndpoint) -> PeerEndpoint | None:
    """Return the source for one of a remote's addresses: the `via` of its family whose index is the largest not above
    the address's index in that family; None: any.
    """
    family = _family(endpoint)
    same = [other for other in remote.addresses if _family(other) == family]
    sources = [other for other in remote.via if _family(other) == family]
    if not sources:
        return None
    return sources[min(same.index(endpoint) if endpoint in same else 0, len(sources) - 1)]


def _family(endpoint: PeerEndpoint) -> str:
    return "inet6" if ":" in endpoint.address else "inet"
