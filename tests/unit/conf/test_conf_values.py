# SPDX-License-Identifier: Apache-2.0
"""Value types: borders, units and refusals."""

from typing import Any

import pytest

from control.conf import values
from control.conf.errors import ValueProblem

GOOD: list[tuple[values.ValueType, str, Any]] = [
    (values.Int(1, 5), "5", 5),
    (values.Int(-1), "-1", -1),
    (values.Int(), "+7", 7),
    (values.Time(), "3m", 180),
    (values.Time(), "3M", 3 * 30 * 86400),
    (values.Time(), "1y", 365 * 86400),
    (values.Time(), "2w", 14 * 86400),
    (values.Time(), "90", 90),
    (values.Size(), "2K", 2048),
    (values.Size(), "1G", 1 << 30),
    (values.Size(), "8B", 8),
    (values.Bool(), "On", True),
    (values.Bool(), "FALSE", False),
    (values.HexText(), "0x4142", b"AB"),
    (values.HexText(), "h\xe9", "h\xe9".encode()),
    (values.Choice("off soft"), "SOFT", "soft"),
    (values.Listen(), "::1", values.Endpoint("::1", 53)),
    (values.Listen(), "2001:DB8:0::1@5353", values.Endpoint("2001:db8::1", 5353)),
    (values.XdpListen(), "eth0", values.XdpEndpoint("eth0", None, 53)),
    (values.XdpListen(), "192.0.2.1@54", values.XdpEndpoint(None, "192.0.2.1", 54)),
    (values.Name(), "Example.COM", "example.com."),
    (values.Name(), ".", "."),
    (values.Name(), r"a\046b.c", r"a\.b.c."),
    (values.Name(), r"\065.c", "a.c."),
    (values.Name(), r"\000.c", r"\000.c."),
    (values.Name(), "0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa."),
]


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_converted(kind: values.ValueType, text: str, value: Any) -> None:
    """A well-formed value becomes its normalised form."""
    assert kind.convert(text) == value


BAD: list[tuple[values.ValueType, str, str]] = [
    (values.Int(1, 5), "6", "value is out of range"),
    (values.Int(), "-1", "value is out of range"),
    (values.Int(), "99999999999999999999", "value is out of range"),
    (values.Int(), "1.5", "invalid parameter"),
    (values.Int(), "", "invalid parameter"),
    (values.Time(), "1h30m", "invalid parameter"),
    (values.Time(), "1H", "invalid parameter"),
    (values.Time(), "m", "invalid parameter"),
    (values.Time(), "9999999999999999y", "value is out of range"),
    (values.Size(), "1T", "invalid parameter"),
    (values.Bool(), "yes", "invalid parameter"),
    (values.HexText(), "0x414", "invalid parameter"),
    (values.HexText(4), "abcde", "value is out of range"),
    (values.Choice("off"), "on", "invalid parameter"),
    (values.Listen(), "1.2.3.4@0", "invalid port"),
    (values.Listen(), "1.2.3.4@65536", "value is out of range"),
    (values.Listen(), "1.2.3.4@x", "invalid parameter"),
    (values.Listen(), "@53", "invalid parameter"),
    (values.XdpListen(), "an-interface-name-too-long", "invalid XDP interface specification"),
    (values.XdpListen(), "..", "invalid XDP interface specification"),
    (values.Name(), "a..b", "invalid parameter"),
    (values.Name(), "", "invalid parameter"),
    (values.Name(), ".a", "invalid parameter"),
    (values.Name(), "a" * 64, "invalid parameter"),
    (values.Name(), ".".join(["a" * 63] * 4), "invalid parameter"),
    (values.Name(), r"a\256", "invalid parameter"),
    (values.Name(), "a\\", "invalid parameter"),
    (values.Name(), r"a\1", "invalid parameter"),
]


@pytest.mark.parametrize(("kind", "text", "reason"), BAD)
def test_refused(kind: values.ValueType, text: str, reason: str) -> None:
    """A malformed value is refused with its reason."""
    with pytest.raises(ValueProblem) as caught:
        kind.convert(text)
    assert str(caught.value) == reason


def test_port_needs_an_at_sign() -> None:
    """An address with a colon before the port is refused, and the text says how a port is written."""
    with pytest.raises(ValueProblem, match="a port is written ADDR@PORT"):
        values.Listen().convert("1.2.3.4:53")


def test_longest_name() -> None:
    """A name of 255 octets is taken, one of 256 is not."""
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert len(values.name_to_wire(values.parse_name(longest))) == 255
    with pytest.raises(ValueProblem):
        values.parse_name(longest + "a")


def test_wire_form() -> None:
    """Names become length-prefixed labels, escapes resolved."""
    assert values.name_to_wire(".") == b"\0"
    assert values.name_to_wire("a.bc.") == b"\1a\2bc\0"
    assert values.name_to_wire(values.parse_name(r"a\.b.c")) == b"\3a.b\1c\0"


def test_canonical_order() -> None:
    """Names sort by their labels from the right, a name before those beneath it."""
    names = ["b.test.", ".", "a.z.test.", "zz.com.", "test.", "z.test.", r"\000.z.test."]
    ordered = [".", "zz.com.", "test.", "b.test.", "z.test.", r"\000.z.test.", "a.z.test."]
    assert sorted(names, key=values.canonical_key) == ordered
