# SPDX-License-Identifier: Apache-2.0
"""The private keys that sign a zone, in memory (csrc/signing/ring.h).

With `deterministic` the nonces of ECDSA signatures follow from key and message (RFC 6979), so that the same data has
the same signatures; those are made by the `cryptography` package, whose OpenSSL knows how. All others are made in C.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from pyxdp_dns.errors import EngineError, SigningError
from pyxdp_dns.scan import name_text
from pyxdp_dns.signing_native import check, ffi, lib

ECDSA_HASHES = {13: "SHA256", 14: "SHA384"}
"""Digests of the ECDSA algorithms (RFC 6605)."""
DNSKEY_FIXED_BYTES = 4

DigestSigner = Callable[[bytes], bytes]
"""A digest into a signature in the form that RRSIG records have."""


class SigningKey(NamedTuple):
    """A key and what it signs."""

    dnskey: bytes
    """Rdata: flags (2 octets), 3, algorithm, public key (RFC 4034, section 2.1)."""
    private_der: bytes
    """PKCS#8, not encrypted."""
    signs_keys: bool
    """It signs DNSKEY, CDS and CDNSKEY of the apex."""
    signs_zone: bool
    """It signs every other authoritative RRset."""

    @property
    def algorithm(self) -> int:
        """The number of its algorithm; 0 when there is none."""
        return self.dnskey[3] if len(self.dnskey) > DNSKEY_FIXED_BYTES else 0


def key_tag(dnskey: bytes) -> int:
    """Return the key tag of DNSKEY rdata (RFC 4034, appendix B)."""
    total = sum(octet if at & 1 else octet << 8 for at, octet in enumerate(dnskey))
    return (total + (total >> 16)) & 0xFFFF


class KeyRing:
    """The loaded keys of one zone; a context manager. Any number of calls and threads may use it until it is closed."""

    def __init__(self, apex: bytes, keys: Sequence[SigningKey], *, deterministic: bool = False) -> None:
        """Load keys of the zone `apex` (wire form).

        Raises SigningError for a key that cannot be read or is of an unknown algorithm, and for a private key that
        belongs to another DNSKEY.
        """
        self.apex = apex.lower()
        self.deterministic = deterministic
        self._ring: Any = None
        self._keys = tuple(keys)
        if not 0 < name_octets(apex) == len(apex):
            raise EngineError("keys of a zone: its name is not a domain name in wire form; pass the zone's name")
        self._ring = self._load()
        if deterministic:
            self._delegate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Overwrite and free the private keys; a second call does nothing."""
        ring, self._ring = self._ring, None
        if ring is not None:
            lib.xd_ring_free(ring)

    @property
    def signs_zone(self) -> bool:
        """Whether one of the keys signs what is not DNSKEY, CDS or CDNSKEY."""
        return any(key.signs_zone for key in self._keys)

    @property
    def pointer(self) -> Any:
        """The ring in C. Raises SigningError once it is closed."""
        if self._ring is None:
            raise SigningError(f"[{name_text(self.apex)}] the keys were closed; load them again")
        return self._ring

    def _load(self) -> Any:
        held: list[Any] = []
        keys = ffi.new("xd_signing_key[]", len(self._keys) or 1)
        for number, key in enumerate(self._keys):
            dnskey, der = ffi.from_buffer("uint8_t[]", key.dnskey), ffi.from_buffer("uint8_t[]", key.private_der)
            held += (dnskey, der)
            roles = (lib.XD_SIGNS_KEYS if key.signs_keys else 0) | (lib.XD_SIGNS_ZONE if key.signs_zone else 0)
            keys[number] = (dnskey, len(key.dnskey), der, len(key.private_der), roles)
        ring, failed = ffi.new("xd_ring **"), ffi.new("size_t *")
        result = lib.xd_ring_create(self.apex, keys, len(self._keys), ring, failed)
        check(result, self._describe(int(failed[0])))
        return ring[0]

    def _describe(self, number: int) -> str:
        key = self._keys[number] if number < len(self._keys) else SigningKey(b"", b"", False, False)
        return f"[{name_text(self.apex)}] DNSSEC key {key_tag(key.dnskey)}, algorithm {key.algorithm}"

    def _delegate(self) -> None:
        """Have ECDSA signatures made by `cryptography`; the handle lives as long as the ring's owner does."""
        signers = {
            number: _deterministic_signer(key) for number, key in enumerate(self._keys) if key.algorithm in ECDSA_HASHES
        }
        self._handle = ffi.new_handle(signers)
        lib.xd_ring_delegate(self._ring, lib.xd_sign_elsewhere, self._handle)


def name_octets(wire: bytes) -> int:
    """Return the octets of the name at the start of `wire`; 0 when there is none."""
    at = 0
    while at < min(len(wire), 255) and (length := wire[at]) <= 63:
        at += 1 + length
        if length == 0:
            return at
    return 0


def _deterministic_signer(key: SigningKey) -> DigestSigner:
    """Return what signs digests with nonces of RFC 6979. Raises SigningError where `cryptography` cannot."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    private = load_der_private_key(key.private_der, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise SigningError(f"DNSSEC key {key_tag(key.dnskey)}: not an ECDSA key; import the key again")
    digest = getattr(hashes, ECDSA_HASHES[key.algorithm])()
    octets = (private.key_size + 7) // 8
    try:
        scheme = ec.ECDSA(Prehashed(digest), deterministic_signing=True)
        private.sign(bytes(digest.digest_size), scheme)
    except (TypeError, UnsupportedAlgorithm) as exc:
        raise SigningError(
            f"DNSSEC key {key_tag(key.dnskey)}: there is no deterministic ECDSA here; install the package cryptography "
            "43 or later with OpenSSL 3.2 or later, or set policy.reproducible-signing to off"
        ) from exc

    def sign(message: bytes) -> bytes:
        numbers = decode_dss_signature(private.sign(message, scheme))
        return b"".join(number.to_bytes(octets, "big") for number in numbers)

    return sign


@ffi.def_extern(error=-1)  # type: ignore[untyped-decorator]
def xd_sign_elsewhere(handle: Any, key: int, digest: Any, digest_len: int, signature: Any, signature_len: int) -> int:
    """Sign a digest for C (`xd_sign_digest` in csrc/signing/ring.h)."""
    signers: dict[int, DigestSigner] = ffi.from_handle(handle)
    made = signers[key](bytes(ffi.buffer(digest, digest_len)))
    if len(made) != signature_len:
        return -1
    ffi.memmove(signature, made, signature_len)
    return 0
