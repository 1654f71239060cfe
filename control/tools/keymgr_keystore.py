# SPDX-License-Identifier: Apache-2.0
"""Commands keystore-test and keystore-bench of xdpdns-keymgr: what a keystore and this machine can do with keys."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm

from control.conf.algorithms import ALGORITHMS, Algorithm
from control.conf.policy import KeystoreConf
from control.errors import KeystoreError
from control.keys.keystore import KeyStore
from control.keys.private import PrivateKey, from_pem, generate, to_pem
from control.tools.keymgr_arguments import parse_algorithm
from control.tools.keymgr_place import Place
from control.tools.keymgr_refusal import INVALID, NOT_EXISTS, Refusal

RSA_SIZES = (1024, 2048, 4096)
OLD = ("RSASHA1", "RSASHA1_NSEC3_SHA1")
"""Not to be used for signing any more (RFC 8624, section 3.1), so not looked at."""
HASHES: dict[int, type[HashAlgorithm]] = {5: SHA1, 7: SHA1, 8: SHA256, 10: SHA512, 13: SHA256, 14: SHA384}
MESSAGE = b"what is signed to see whether keys can sign" * 3
BENCH_NS = 1_000_000_000
THREADS_MAX = 1024


class Kind(NamedTuple):
    """An algorithm and a size of its keys."""

    algorithm: Algorithm
    bits: int

    @property
    def text(self) -> str:
        """As tables have it."""
        return f"{self.algorithm.label} {self.bits}b"


KINDS = tuple(
    Kind(algorithm, bits)
    for algorithm in ALGORITHMS
    if algorithm.label not in OLD
    for bits in (RSA_SIZES if algorithm.is_rsa else (algorithm.default_bits,))
)


class Outcome(NamedTuple):
    """Whether each step worked."""

    generate: bool = False
    imported: bool = False
    remove: bool = False
    use: bool = False


def keystore_test(place: Place, name: str, words: Sequence[str], kinds: Sequence[Kind] = KINDS) -> Iterator[str]:
    """Try every algorithm in a keystore: make a key, import it, sign with it, remove it."""
    if words:
        raise Refusal(f"invalid parameter: {words[0]}", INVALID)
    store = KeyStore(_keystore(place, name))
    yield from (_heading(name), "", f"{'Algorithm':<20} {'Generate':>9} {'Import':>9} {'Remove':>9} {'Use':>9}")
    for kind in kinds:
        columns = ("yes" if worked else "no" for worked in try_kind(store, kind))
        yield f"{kind.text:<20} " + " ".join(f"{column:>9}" for column in columns)


def try_kind(store: KeyStore, kind: Kind) -> Outcome:
    """Return what worked; no key stays behind."""
    private = generate(kind.algorithm.number, kind.bits)
    made, taken = (_try_key(store, kind, one) for one in (private, from_pem(to_pem(private))))
    return Outcome(made.generate, taken.generate, made.remove and taken.remove, made.use and taken.use)


def _try_key(store: KeyStore, kind: Kind, private: PrivateKey) -> Outcome:
    outcome = Outcome()
    with suppress(KeystoreError):
        key_id = store.store(private)
        outcome = outcome._replace(generate=True)
        with suppress(KeystoreError, InvalidSignature):
            signature = sign(store.load(key_id), kind.algorithm.number)
            verify(private, kind.algorithm.number, signature)
            outcome = outcome._replace(use=True)
        outcome = outcome._replace(remove=store.remove(key_id))
    return outcome


def sign(private: PrivateKey, algorithm: int) -> bytes:
    """Return a signature of `MESSAGE`."""
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(MESSAGE, padding.PKCS1v15(), HASHES[algorithm]())
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(MESSAGE, ec.ECDSA(HASHES[algorithm]()))
    return private.sign(MESSAGE)


def verify(private: PrivateKey, algorithm: int, signature: bytes) -> None:
    """Refuse a signature that the public half does not bear out. Raises InvalidSignature."""
    public = private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, MESSAGE, padding.PKCS1v15(), HASHES[algorithm]())
    elif isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, MESSAGE, ec.ECDSA(HASHES[algorithm]()))
    else:
        public.verify(signature, MESSAGE)


def keystore_bench(
    place: Place, name: str, words: Sequence[str], period_ns: int = BENCH_NS, kinds: Sequence[Kind] = KINDS
) -> Iterator[str]:
    """Measure signatures each second: `[threads [algorithm]]`. Each thread is a process of its own."""
    threads = _threads(words[0]) if words else 1
    wanted = parse_algorithm(words[1]) if len(words) > 1 else None
    store = KeyStore(_keystore(place, name))
    tail = f", threads {threads}" + (f", algorithm {wanted.number}" if wanted is not None else "")
    yield from (_heading(name) + tail, "", f"{'Algorithm':<20} {'Sigs/sec':>9}")
    for kind in kinds:
        if wanted in (None, kind.algorithm):
            yield f"{kind.text:<20} {_measured(store, kind, threads, period_ns):>9}"


def _measured(store: KeyStore, kind: Kind, threads: int, period_ns: int) -> str:
    key_id = ""
    try:
        key_id = store.store(generate(kind.algorithm.number, kind.bits))
        private = store.load(key_id)
        return str(round(sum(_rates(lambda: sign(private, kind.algorithm.number), threads, period_ns))))
    except KeystoreError:
        return "n/a"
    finally:
        if key_id:
            store.remove(key_id)


def _rates(job: Callable[[], object], threads: int, period_ns: int) -> list[float]:
    """Return the rates of processes that do a job at the same time; they inherit its key, which is not sent."""
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(threads)]
    workers = [
        context.Process(target=lambda end: end.send(rate(job, period_ns)), args=(sender,)) for _, sender in pipes
    ]
    for worker in workers:
        worker.start()
    rates: list[float] = [receiver.recv() for receiver, _ in pipes]
    for worker in workers:
        worker.join()
    return rates


def rate(job: Callable[[], object], period_ns: int, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> float:
    """Return how often a job is done each second, by doing it for a period."""
    begin, count = monotonic_ns(), 0
    while True:
        job()
        count += 1
        spent = monotonic_ns() - begin
        if spent >= period_ns:
            return count * 1e9 / spent


def _threads(text: str) -> int:
    if not (len(text) <= 4 and text.isascii() and text.isdecimal() and 0 < int(text) <= THREADS_MAX):
        raise Refusal(f"invalid parameter: {text}", INVALID)
    return int(text)


def _keystore(place: Place, name: str) -> KeystoreConf:
    wanted = "" if name == "-" else name
    if wanted not in place.keystores:
        raise Refusal(f"keystore '{name}' not configured", NOT_EXISTS)
    return place.keystores[wanted]


def _heading(name: str) -> str:
    return ("Keystore default" if name == "-" else f"Keystore id '{name}'") + ", type PEM"
