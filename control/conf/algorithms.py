# SPDX-License-Identifier: Apache-2.0
"""The DNSSEC algorithms keys are made for (RFC 8624): numbers, names, and the sizes their keys may have."""

from typing import NamedTuple

RSA_BITS = range(1024, 4097)


class Algorithm(NamedTuple):
    """One DNSSEC algorithm."""

    number: int
    name: str
    """In the configuration."""
    label: str
    """In log lines and listings."""
    bits: range
    """Sizes that a key may have."""
    default_bits: int

    @property
    def is_rsa(self) -> bool:
        """Whether the size of keys is a choice."""
        return len(self.bits) > 1


def _rsa(number: int, name: str, label: str) -> Algorithm:
    return Algorithm(number, name, label, RSA_BITS, 2048)


def _curve(number: int, name: str, bits: int) -> Algorithm:
    return Algorithm(number, name, name.upper(), range(bits, bits + 1), bits)


DEFAULT_ALGORITHM = "ecdsap256sha256"

ALGORITHMS = (
    _rsa(5, "rsasha1", "RSASHA1"),
    _rsa(7, "rsasha1-nsec3-sha1", "RSASHA1_NSEC3_SHA1"),
    _rsa(8, "rsasha256", "RSASHA256"),
    _rsa(10, "rsasha512", "RSASHA512"),
    _curve(13, DEFAULT_ALGORITHM, 256),
    _curve(14, "ecdsap384sha384", 384),
    _curve(15, "ed25519", 256),
    _curve(16, "ed448", 456),
)

BY_NAME = {algorithm.name: algorithm for algorithm in ALGORITHMS}
BY_NUMBER = {algorithm.number: algorithm for algorithm in ALGORITHMS}
