# SPDX-License-Identifier: Apache-2.0
"""Value types that one or a few items have. What is imported here is imported when such an item is set."""

from typing import Any

from control.conf.errors import INVALID_MODULE_REFERENCE, INVALID_PARAMETER, NOT_SUPPORTED, ValueProblem
from control.conf.peers import PeerEndpoint
from control.conf.values import Int, Reference, Time, ValueType, ip_address, split_port
from control.conf.zone import SerialModulo

MODULUS_MAX = 256
ANY_ADDRESS = ("0.0.0.0", "::")
GROUP_OCTETS_MAX = 255


class PeerAddress(ValueType):
    """An address with an optional port and, where `interface`, an interface after a wildcard address; where `path`,
    the path of a UNIX socket, which this server does not support."""

    __slots__ = ("interface", "path")

    def __init__(self, *, interface: bool = False, path: bool = False) -> None:
        self.interface, self.path = interface, path

    @property
    def syntax(self) -> str:
        return f"ADDR{'[%IFNAME]' if self.interface else ''}[@INT]"

    def convert(self, text: str) -> PeerEndpoint:
        host, port = split_port(text, 0)
        host, percent, interface = host.partition("%") if self.interface else (host, "", "")
        address = ip_address(host)
        if address is None and self.path and text and not percent:
            raise ValueProblem(f"{NOT_SUPPORTED}: not an IP address; a port is written ADDR@PORT")
        if address is None or (percent and (not interface or address not in ANY_ADDRESS)):
            raise ValueProblem(INVALID_PARAMETER)
        return PeerEndpoint(address, port, interface)

    def text(self, value: Any) -> str:
        interface, port = (f"%{value.interface}" if value.interface else ""), (f"@{value.port}" if value.port else "")
        return f"{value.address}{interface}{port}"


class AddressRange(ValueType):
    """An address, a prefix or an inclusive range, kept as text; where `path`, the path of a UNIX socket, which this
    server does not support."""

    __slots__ = ("path",)

    def __init__(self, *, path: bool = False) -> None:
        self.path = path

    @property
    def syntax(self) -> str:
        return "ADDR[/INT] | ADDR-ADDR"

    def convert(self, text: str) -> str:
        if self.path and text.startswith("/"):
            raise ValueProblem(f"{NOT_SUPPORTED}: not an IP address")
        first, dash, last = text.partition("-")
        host, slash, length = first.partition("/") if not dash else (first, "", "")
        start, end = ip_address(host), ip_address(last) if dash else None
        if start is None or (dash and (end is None or (":" in end) != (":" in start))):
            raise ValueProblem(INVALID_PARAMETER)
        if slash:
            Int(0, 128 if ":" in start else 32).convert(length)
        return f"{start}-{end}" if dash else f"{start}{slash}{length}"


class Base64(ValueType):
    """Octets in base64, kept as text; `octets` is how many, 0: any number."""

    __slots__ = ("octets",)

    def __init__(self, octets: int = 0) -> None:
        self.octets = octets

    @property
    def syntax(self) -> str:
        return f"BASE64 ({self.octets} octets)" if self.octets else "BASE64"

    def convert(self, text: str) -> str:
        from binascii import Error, a2b_base64

        if len(text) % 4:
            raise ValueProblem("invalid base64 string length")
        try:
            octets = a2b_base64(text.encode("ascii"), strict_mode=True)
        except (Error, UnicodeEncodeError):
            raise ValueProblem("invalid base64 character") from None
        if self.octets and len(octets) != self.octets:
            raise ValueProblem("invalid base64 string length")
        return text


class GroupName(ValueType):
    """The group of a catalog's member: one string of a TXT record."""

    __slots__ = ()

    def convert(self, text: str) -> str:
        if len(text.encode("utf-8", "surrogateescape")) > GROUP_OCTETS_MAX:
            raise ValueProblem("group name longer than 255 characters")
        return text


class RecordType(ValueType):
    """The mnemonic of a record type, TYPEnnn, or one of some words."""

    __slots__ = ("words",)

    def __init__(self, *words: str) -> None:
        self.words = words

    @property
    def syntax(self) -> str:
        return " | ".join(["RRTYPE", *self.words])

    def convert(self, text: str) -> str:
        from dns.exception import DNSException
        from dns.rdatatype import from_text, to_text

        if text.lower() in self.words:
            return text.lower()
        try:
            return to_text(from_text(text))
        except (DNSException, ValueError):
            raise ValueProblem(INVALID_PARAMETER) from None


def _remainder(text: str) -> tuple[int, int]:
    """Return R and M of `R/M`."""
    first, _, second = text.partition("/")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit() and len(text) < 8):
        raise ValueProblem("invalid value, expected format 'R/M', where R < M <= 256")
    remainder, modulus = int(first), int(second)
    if not remainder < modulus <= MODULUS_MAX:
        raise ValueProblem("invalid value, expected format 'R/M', where R < M <= 256")
    return remainder, modulus


class Modulo(ValueType):
    """A remainder and a modulus; kept as text."""

    __slots__ = ()

    @property
    def syntax(self) -> str:
        return "R/M (R < M <= 256)"

    def convert(self, text: str) -> str:
        return "{}/{}".format(*_remainder(text))


class SerialModuloType(ValueType):
    """A remainder and a modulus, a shift, or both: `R/M`, `+N`, `-N`, `R/M+N`, `R/M-N`."""

    __slots__ = ()

    @property
    def syntax(self) -> str:
        return "R/M | +INT | -INT | R/M+INT | R/M-INT (R < M <= 256)"

    def convert(self, text: str) -> SerialModulo:
        at = max(text.find("+"), text.find("-"))
        head, tail = (text[:at], text[at:]) if at >= 0 else (text, "")
        if not head and not tail:
            raise ValueProblem(INVALID_PARAMETER)
        remainder, modulus = _remainder(head) if head else (0, 1)
        return SerialModulo(remainder, modulus, Int(-(1 << 31), (1 << 31) - 1).convert(tail) if tail else 0)

    def text(self, value: Any) -> str:
        return f"{value.remainder}/{value.modulus}" + (f"{value.shift:+d}" if value.shift else "")


class TimeOr(ValueType):
    """A time, or one of some words, or a share in per cent; kept as text."""

    __slots__ = ("low", "percent", "words")

    def __init__(self, *words: str, low: int = 0, percent: bool = False) -> None:
        self.words, self.low, self.percent = words, low, percent

    @property
    def syntax(self) -> str:
        return " | ".join([*self.words, f"TIME [{self.low}..]", *(["INT%"] if self.percent else [])])

    def convert(self, text: str) -> str:
        if text.lower() in self.words:
            return text.lower()
        if self.percent and text.endswith("%"):
            return f"{Int(0, 100).convert(text[:-1])}%"
        return str(Time(self.low).convert(text))


class ModuleName(ValueType):
    """The name of a module, `mod-NAME`."""

    __slots__ = ()

    @property
    def syntax(self) -> str:
        return "mod-NAME"

    def convert(self, text: str) -> str:
        if not text.startswith("mod-") or len(text) < 5:
            raise ValueProblem(INVALID_PARAMETER)
        return text


class ModuleReference(Reference):
    """A module, `mod-NAME` with its defaults, or `mod-NAME/ID`; `modules` are those there are, `only` those of them
    this server has where the item stands."""

    __slots__ = ("modules", "only")
    missing = INVALID_MODULE_REFERENCE

    def __init__(self, modules: str, only: str) -> None:
        super().__init__(*modules.split())
        self.modules, self.only = frozenset(modules.split()), frozenset(only.split())

    @property
    def syntax(self) -> str:
        return "MODULE[/ID]"

    def convert(self, text: str) -> str:
        if text.partition("/")[0] not in self.modules:
            raise ValueProblem("unknown module")
        return text

    def acts(self, value: Any) -> bool:
        return value.partition("/")[0] in self.only

    def targets(self, value: Any) -> tuple[tuple[str, str], ...]:
        module, slash, block_id = value.partition("/")
        return ((module, block_id),) if slash else ()


class CookieSecret(ValueType):
    """16 octets, as text or as `0x` and 32 hexadecimal digits; kept as octets."""

    __slots__ = ()

    @property
    def syntax(self) -> str:
        return "16 octets: STR | HEXSTR"

    def convert(self, text: str) -> bytes:
        try:
            octets = bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode("utf-8", "surrogateescape")
        except ValueError:
            raise ValueProblem(INVALID_PARAMETER) from None
        if len(octets) != 16:
            raise ValueProblem("the length of the cookie secret MUST BE 16 bytes (32 HEX characters)")
        return octets

    def text(self, value: Any) -> str:
        return f"0x{value.hex()}"
