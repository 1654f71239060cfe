# SPDX-License-Identifier: Apache-2.0
"""TSIG keys that xdpdns-keymgr makes."""

import pytest

from control.conf.model import build_config
from control.conf.parse import parse_text
from control.tools.keymgr_refusal import Refusal
from control.tools.keymgr_tsig import tsig_lines


def zeros(octets: int) -> bytes:
    """Stand in for the source of randomness."""
    return bytes(octets)


def test_a_key_for_client_and_server() -> None:
    """One line for kdig -y, then a section for the configuration."""
    lines, warning = tsig_lines("my.key", (), zeros)
    secret = "A" * 43 + "="
    assert lines == [
        f"# hmac-sha256:my.key:{secret}",
        "key:",
        "  - id: my.key",
        "    algorithm: hmac-sha256",
        f"    secret: {secret}",
    ]
    assert warning is None


@pytest.mark.parametrize("algorithm", ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha384", "HMAC-SHA512"])
def test_the_configuration_takes_it(algorithm: str) -> None:
    """Every algorithm, with as many octets as its hash has."""
    lines, _ = tsig_lines("my_key", [algorithm])
    config = build_config(parse_text("\n".join(lines) + "\n", "file"), "file")
    (key,) = config.keys.values()
    sizes = {"hmac-md5": 16, "hmac-sha1": 20, "hmac-sha224": 28, "hmac-sha384": 48, "hmac-sha512": 64}
    assert (key.algorithm, len(key.secret)) == (algorithm.lower(), sizes[algorithm.lower()])


def test_bits() -> None:
    """They are rounded up to octets; fewer than the hash has is worth a warning."""
    lines, warning = tsig_lines("k", ["hmac-sha1", "9"], zeros)
    assert (lines[0], warning) == ("# hmac-sha1:k:AAA=", "optimal key size for hmac-sha1 is at least 160 bits")
    assert tsig_lines("k", ["hmac-sha1", "168"], zeros)[1] is None
    assert tsig_lines("k", ["hmac-sha1", "0"], zeros) == tsig_lines("k", ["hmac-sha1"], zeros)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("k", ["hmac-sha3"], "invalid key algorithm"),
        ("k", ["hmac-sha256", "x"], "invalid parameter"),
        ("k", ["hmac-sha256", "-8"], "invalid parameter"),
        ("k", ["hmac-sha256", "9" * 9999], "invalid parameter"),
        ("k", ["hmac-sha256", "8", "8"], "invalid parameter"),
        ("a b", [], "invalid parameter"),
        ("a\nserver:", [], "invalid parameter"),
        ("a" * 64, [], "invalid parameter"),
        ("a..b", [], "invalid parameter"),
        ("", [], "invalid parameter"),
    ],
)
def test_what_makes_no_key_is_refused(name: str, options: list[str], reason: str) -> None:
    """Names that are none, unknown algorithms, bits that are no number."""
    with pytest.raises(Refusal) as refused:
        tsig_lines(name, options, zeros)
    assert refused.value.lines == (f"failed to generate TSIG ({reason})",)
