# SPDX-License-Identifier: Apache-2.0
"""Value types of the configuration: text in, checked value out.

A type is a small immutable object: `convert` makes the value of a text or raises `ValueProblem`, `text` is its opposite
in normalised form, `syntax` is what the manual prints. The classes are plain ones: making a named tuple or a dataclass
costs many times as much, and the start-up path counts milliseconds.
"""

from typing import Any, NamedTuple

from control.conf.errors import INVALID_PARAMETER, INVALID_REFERENCE, NOT_SUPPORTED, OUT_OF_RANGE, ValueProblem

TIME_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
SIZE_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
INT_MAX = (1 << 63) - 1


class ValueType:
    """A configuration value type; here any text, a path where the item says so."""

    __slots__ = ()
    refers = False
    """Whether values name blocks, which `targets` returns."""
    missing = INVALID_REFERENCE
    """What is said of a value whose block is not there."""

    @property
    def syntax(self) -> str:
        """How a value is written."""
        return "STR"

    def convert(self, text: str) -> Any:
        """Return the value of a text; raise `ValueProblem`."""
        return text

    def text(self, value: Any) -> str:
        """Return the normalised text of a value `convert` returned."""
        return str(value)

    def acts(self, value: Any) -> bool:
        """Whether this server does what a value says."""
        return True

    def targets(self, value: Any) -> tuple[tuple[str, str], ...]:
        """Return the blocks (section, identifier) of which one has to be there; none when none has to."""
        return ()


Text = ValueType


class Endpoint(NamedTuple):
    """An IP address (text, normalised) and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}@{self.port}"


class PortedEndpoint(Endpoint):
    """One whose port was written, equal to one with that port by default."""

    __slots__ = ()


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


DIGITS_MAX = 19
"""Of a number that is looked at."""


def _scaled(text: str, units: dict[str, int]) -> int:
    scale = units.get(text[-1:])
    number = text if scale is None else text[:-1]
    digits = number[1:] if number[:1] in ("+", "-") else number
    if not (digits.isascii() and digits.isdigit()):
        raise ValueProblem(INVALID_PARAMETER)
    if len(digits) > DIGITS_MAX:
        raise ValueProblem(OUT_OF_RANGE)
    return int(number) * (scale or 1)


class Int(ValueType):
    """A decimal number within bounds; `unit` is for the reader only."""

    __slots__ = ("high", "low", "unit")
    word = "INT"
    units: dict[str, int] = {}  # noqa: RUF012  never changed

    def __init__(self, low: int | None = 0, high: int | None = None, unit: str = "") -> None:
        self.low, self.high, self.unit = low, high, unit

    @property
    def syntax(self) -> str:
        return f"{self.word}{_bounds(self.low, self.high)}{f' {self.unit}' if self.unit else ''}"

    def convert(self, text: str) -> int:
        value = _scaled(text, self.units)
        if (self.low is not None and value < self.low) or value > (INT_MAX if self.high is None else self.high):
            raise ValueProblem(OUT_OF_RANGE)
        return value


class Time(Int):
    """Seconds, with one optional unit: s m h d w M y."""

    __slots__ = ()
    word, units = "TIME", TIME_UNITS


class Size(Int):
    """Octets, with one optional unit: B K M G."""

    __slots__ = ()
    word, units = "SIZE", SIZE_UNITS


class Bool(ValueType):
    """on, off, true or false in any case."""

    __slots__ = ()

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

    def text(self, value: Any) -> str:
        return "on" if value else "off"


class HexText(ValueType):
    """Text, or `0x` and hexadecimal digits for its octets."""

    __slots__ = ("limit",)

    def __init__(self, limit: int = 255) -> None:
        self.limit = limit

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

    def text(self, value: Any) -> str:
        text: str = value.decode("utf-8", "replace")
        if text.encode() != value or not text.isprintable() or text.startswith("0x"):
            return f"0x{value.hex()}"
        return text


class Choice(ValueType):
    """One of some words, in any case."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        """`words` are divided by blanks."""
        self.words = tuple(words.split())

    @property
    def syntax(self) -> str:
        return " | ".join(self.words)

    def convert(self, text: str) -> str:
        lower = text.lower()
        if lower not in self.words:
            raise ValueProblem(INVALID_PARAMETER)
        return lower


def split_port(text: str, default: int) -> tuple[str, int]:
    """Divide `HOST[@PORT]`; raise `ValueProblem`."""
    host, at, digits = text.rpartition("@")
    if not at:
        return text, default
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ValueProblem(INVALID_PARAMETER)
    port = int(digits)
    if port > 65535:
        raise ValueProblem(OUT_OF_RANGE)
    if port == 0:
        raise ValueProblem("invalid port")
    return host, port


def ip_address(text: str) -> str | None:
    """Return the normalised IP address, or None when `text` is not one."""
    import socket

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except (OSError, ValueError):
            continue
    return None


class Listen(ValueType):
    """An address to listen on; the port separator is `@`."""

    __slots__ = ("default_port",)

    def __init__(self, default_port: int = 53) -> None:
        self.default_port = default_port

    @property
    def syntax(self) -> str:
        return f"ADDR[@INT] (port {self.default_port})" if self.default_port else "ADDR@INT"

    def convert(self, text: str) -> Endpoint:
        host, port = split_port(text, self.default_port)
        if not host or not port:
            raise ValueProblem(INVALID_PARAMETER)
        address = ip_address(host)
        if address is None:
            raise ValueProblem(f"{NOT_SUPPORTED}: not an IP address; a port is written ADDR@PORT")
        return (PortedEndpoint if "@" in text else Endpoint)(address, port)

    def text(self, value: Any) -> str:
        is_default = value.port == self.default_port and not isinstance(value, PortedEndpoint)
        return str(value.address) if is_default else str(value)


class XdpListen(Listen):
    """An interface or an address of one, and a port."""

    __slots__ = ()

    @property
    def syntax(self) -> str:
        return f"IFNAME[@INT] | {super().syntax}"

    def convert(self, text: str) -> Any:
        host, port = split_port(text, self.default_port)
        address = ip_address(host)
        if address is not None:
            return XdpEndpoint(None, address, port)
        if not 0 < len(host) < 16 or host in (".", "..") or not host.isprintable() or set(host) & set(" /:@"):
            raise ValueProblem("invalid XDP interface specification")
        return XdpEndpoint(host, None, port)

    def text(self, value: Any) -> str:
        return str(value.interface or value.address) if value.port == self.default_port else str(value)


def label_text(octets: bytes) -> str:
    """Return a label in lower case, escaped where it has to be."""
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
    stripped = lower.replace(".", "").replace("-", "").replace("_", "")
    plain = stripped.isascii() and stripped.isalnum() and ".." not in lower and lower[0] != "."
    if plain and (len(lower) < 64 or (len(lower) < 254 and max(map(len, lower.split("."))) < 64)):
        return lower if lower[-1] == "." else lower + "."
    if text == ".":
        return text
    octets = _labels(text)
    if not octets or any(len(label) > 63 for label in octets) or sum(map(len, octets)) + len(octets) + 1 > 255:
        raise ValueProblem(INVALID_PARAMETER)
    return "".join(f"{label_text(label)}." for label in octets)


def name_to_wire(name: str) -> bytes:
    """Return the wire form (RFC 1035, section 3.1) of a name `parse_name` returned."""
    if name == ".":
        return b"\0"
    labels = _labels(name) if "\\" in name else [label.encode() for label in name[:-1].split(".")]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def canonical_key(name: str) -> tuple[bytes, ...]:
    """Return what sorts names `parse_name` returned into canonical order (RFC 4034, section 6.1)."""
    wire, labels = name_to_wire(name), []
    at = 0
    while wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]])
        at += 1 + wire[at]
    return tuple(reversed(labels))


class Name(ValueType):
    """A domain name; the final dot is optional."""

    __slots__ = ()

    @property
    def syntax(self) -> str:
        return "DNAME"

    def convert(self, text: str) -> str:
        return parse_name(text)


class Reference(ValueType):
    """The identifier of a block of one of some sections, defined before.

    `implied` is an identifier that needs no block; `empty`: the empty text is a value of its own, which overrides what
    a template has.
    """

    __slots__ = ("empty", "implied", "sections")
    refers = True

    def __init__(self, *sections: str, implied: str | None = None, empty: bool = False) -> None:
        self.sections, self.implied, self.empty = sections, implied, empty

    @property
    def syntax(self) -> str:
        words = [f"{section} id" for section in self.sections]
        return " | ".join([*words, '""'] if self.empty else words)

    def convert(self, text: str) -> str:
        return parse_name(text) if text and self.sections == ("key",) else text

    def targets(self, value: Any) -> tuple[tuple[str, str], ...]:
        if value == self.implied or (self.empty and not value):
            return ()
        return tuple((section, value) for section in self.sections)
