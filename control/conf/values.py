# SPDX-License-Identifier: Apache-2.0
"""Value types of the configuration: text in, checked value out.

A type is a small immutable object with `convert`, which raises `ValueProblem`, and `syntax`, which the manual prints.
Values here are named tuples: making such a class costs a seventh of a frozen dataclass, and the start-up path counts
milliseconds.
"""

import re
from typing import NamedTuple, Protocol

from control.conf.errors import INVALID_PARAMETER, NOT_SUPPORTED, OUT_OF_RANGE, ValueProblem

TIME_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
SIZE_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
INT_MAX = (1 << 63) - 1

_INT = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_INTERFACE = re.compile(r"[^\s/:@]{1,15}")


class ValueType(Protocol):
    """A configuration value type."""

    @property
    def syntax(self) -> str: ...

    def convert(self, text: str) -> object: ...


class Endpoint(NamedTuple):
    """An IP address (text, normalised) and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}@{self.port}"


class XdpEndpoint(NamedTuple):
    """A network interface, or an address that stands for its interface, and the UDP port to take from it."""

    interface: str | None
    address: str | None
    port: int

    def __str__(self) -> str:
        return f"{self.interface or self.address}@{self.port}"


def _bounds(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return ""
    return f" [{'' if low is None else low}..{'' if high is None else high}]"


def _check_range(value: int, low: int | None, high: int | None) -> int:
    if (low is not None and value < low) or value > (INT_MAX if high is None else high):
        raise ValueProblem(OUT_OF_RANGE)
    return value


def _scaled(text: str, units: dict[str, int]) -> int:
    scale = units.get(text[-1:])
    number = text if scale is None else text[:-1]
    if not _INT.fullmatch(number):
        raise ValueProblem(INVALID_PARAMETER)
    return int(number) * (scale or 1)


class Int(NamedTuple):
    """A decimal number within bounds."""

    low: int | None = 0
    high: int | None = None
    unit: str = ""

    @property
    def syntax(self) -> str:
        return f"INT{_bounds(self.low, self.high)}{f' {self.unit}' if self.unit else ''}"

    def convert(self, text: str) -> int:
        if not _INT.fullmatch(text):
            raise ValueProblem(INVALID_PARAMETER)
        return _check_range(int(text), self.low, self.high)


class Time(NamedTuple):
    """Seconds, with one optional unit: s m h d w M y."""

    low: int | None = 0
    high: int | None = None

    @property
    def syntax(self) -> str:
        return f"TIME{_bounds(self.low, self.high)}"

    def convert(self, text: str) -> int:
        return _check_range(_scaled(text, TIME_UNITS), self.low, self.high)


class Size(NamedTuple):
    """Octets, with one optional unit: B K M G."""

    low: int | None = 0
    high: int | None = None

    @property
    def syntax(self) -> str:
        return f"SIZE{_bounds(self.low, self.high)}"

    def convert(self, text: str) -> int:
        return _check_range(_scaled(text, SIZE_UNITS), self.low, self.high)


class Bool(NamedTuple):
    """on, off, true or false in any case."""

    @property
    def syntax(self) -> str:
        return "BOOL"

    def convert(self, text: str) -> bool:
        lower = text.lower()
        if lower in ("on", "true"):
            return True
        if lower in ("off", "false"):
            return False
        raise ValueProblem(INVALID_PARAMETER)


class Text(NamedTuple):
    """Any text; a path where the item says so."""

    @property
    def syntax(self) -> str:
        return "STR"

    def convert(self, text: str) -> str:
        return text


class HexText(NamedTuple):
    """Text, or `0x` and hexadecimal digits for its octets."""

    limit: int = 255

    @property
    def syntax(self) -> str:
        return f"STR | HEXSTR (at most {self.limit} octets)"

    def convert(self, text: str) -> bytes:
        if text.startswith("0x"):
            try:
                octets = bytes.fromhex(text[2:])
            except ValueError:
                raise ValueProblem(INVALID_PARAMETER) from None
        else:
            octets = text.encode("utf-8", "surrogateescape")
        if len(octets) > self.limit:
            raise ValueProblem(OUT_OF_RANGE)
        return octets


class Choice(NamedTuple):
    """One of some words, in any case."""

    words: tuple[str, ...]

    @property
    def syntax(self) -> str:
        return " | ".join(self.words)

    def convert(self, text: str) -> str:
        lower = text.lower()
        if lower not in self.words:
            raise ValueProblem(INVALID_PARAMETER)
        return lower


def _split_port(text: str, default: int) -> tuple[str, int]:
    host, at, digits = text.rpartition("@")
    if not at:
        return text, default
    if not re.fullmatch(r"[0-9]{1,9}", digits, re.ASCII):
        raise ValueProblem(INVALID_PARAMETER)
    port = int(digits)
    if port > 65535:
        raise ValueProblem(OUT_OF_RANGE)
    if port == 0:
        raise ValueProblem("invalid port")
    return host, port


def _address(text: str) -> str | None:
    """Return the normalised IP address, or None when `text` is not one."""
    import socket

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except (OSError, ValueError):
            continue
    return None


class Listen(NamedTuple):
    """An address to listen on; the port separator is `@`."""

    default_port: int = 53

    @property
    def syntax(self) -> str:
        return "ADDR[@INT]"

    def convert(self, text: str) -> Endpoint:
        host, port = _split_port(text, self.default_port)
        if not host:
            raise ValueProblem(INVALID_PARAMETER)
        address = _address(host)
        if address is None:
            raise ValueProblem(f"{NOT_SUPPORTED}: not an IP address; a port is written ADDR@PORT")
        return Endpoint(address, port)


class XdpListen(NamedTuple):
    """An interface or an address of one, and a port."""

    default_port: int = 53

    @property
    def syntax(self) -> str:
        return "IFNAME[@INT] | ADDR[@INT]"

    def convert(self, text: str) -> XdpEndpoint:
        host, port = _split_port(text, self.default_port)
        address = _address(host)
        if address is not None:
            return XdpEndpoint(None, address, port)
        if not _INTERFACE.fullmatch(host) or host in (".", ".."):
            raise ValueProblem("invalid XDP interface specification")
        return XdpEndpoint(host, None, port)


def _label_text(octets: bytes) -> str:
    out = []
    for octet in octets.lower():
        char = chr(octet)
        if char.isascii() and (char.isalnum() or char in "-_/*"):
            out.append(char)
        elif 0x21 <= octet <= 0x7E:
            out.append(f"\\{char}")
        else:
            out.append(f"\\{octet:03d}")
    return "".join(out)


def _labels(text: str) -> list[bytes]:
    """Split presentation form (RFC 1035, section 5.1) into labels; the root is an empty list."""
    labels, label, i = [], bytearray(), 0
    octets = text.encode("utf-8", "surrogateescape")
    while i < len(octets):
        octet = octets[i]
        i += 1
        if octet == 0x2E:
            if not label:
                raise ValueProblem(INVALID_PARAMETER)
            labels.append(bytes(label))
            label.clear()
            continue
        if octet == 0x5C:
            digits = octets[i : i + 3]
            if len(digits) == 3 and digits.isdigit():
                octet, i = int(digits), i + 3
            elif digits and not digits[:1].isdigit():
                octet, i = digits[0], i + 1
            else:
                raise ValueProblem(INVALID_PARAMETER)
            if octet > 255:
                raise ValueProblem(INVALID_PARAMETER)
        label.append(octet)
    if label:
        labels.append(bytes(label))
    return labels


def parse_name(text: str) -> str:
    """Return a domain name in lower case with its final dot, escapes in one form; raise `ValueProblem`."""
    lower = text.lower()
    if len(lower) <= 253 and _PLAIN_NAME.fullmatch(lower):
        return lower if lower[-1] == "." else lower + "."
    if text == ".":
        return text
    labels = _labels(text)
    if not labels or any(len(label) > 63 for label in labels) or sum(map(len, labels)) + len(labels) + 1 > 255:
        raise ValueProblem(INVALID_PARAMETER)
    return "".join(f"{_label_text(label)}." for label in labels)


def name_to_wire(name: str) -> bytes:
    """Return the wire form (RFC 1035, section 3.1) of a name `parse_name` returned."""
    if name == ".":
        return b"\0"
    labels = _labels(name) if "\\" in name else [label.encode() for label in name[:-1].split(".")]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


class Name(NamedTuple):
    """A domain name; the final dot is optional."""

    @property
    def syntax(self) -> str:
        return "DNAME"

    def convert(self, text: str) -> str:
        return parse_name(text)


class Reference(NamedTuple):
    """The identifier of a block of another section, defined before."""

    section: str

    @property
    def syntax(self) -> str:
        return f"{self.section} id"

    def convert(self, text: str) -> str:
        if not text:
            raise ValueProblem(INVALID_PARAMETER)
        return text
