# SPDX-License-Identifier: Apache-2.0
"""Private keys go both ways between our keystores and Knot's, and come from BIND's files."""

import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from control.conf.algorithms import ALGORITHMS, Algorithm
from control.conf.policy import KeystoreConf, PolicyConf
from control.keys.bind import read_bind_pair
from control.keys.dnskey import dnskey_rdata, key_tag
from control.keys.generate import key_of, new_key
from control.keys.keystore import KeyStore
from control.keys.private import to_der

ZONE = "example.com."
BIND_NAMES = {5: "RSASHA1", 7: "NSEC3RSASHA1", 8: "RSASHA256", 10: "RSASHA512", 13: "ECDSAP256SHA256"}
BIND_NAMES |= {14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448"}
ROUNDS = 12
"""Keys made of each curve: some numbers begin with a bit that is set, and one of 256 with an octet 0."""


def keymgr(directory: Path, *words: str) -> list[str]:
    """Run Knot's keymgr on a key database; return the lines it prints."""
    argv = ["keymgr", "-D", str(directory), ZONE, *words]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    return [line for line in done.stdout.splitlines() if line != "OK"]


def dnskeys(directory: Path, key_id: str) -> bytes:
    """Return the rdata of a key's DNSKEY record as Knot's keymgr tells it."""
    (line,) = keymgr(directory, "dnskey", key_id)
    owner, rtype, flags, protocol, algorithm, *key = line.split()
    assert (owner, rtype) == (ZONE, "DNSKEY")
    head = int(flags).to_bytes(2, "big") + bytes((int(protocol), int(algorithm)))
    return head + b64decode("".join(key))


def size_of(algorithm: Algorithm) -> int:
    return min(algorithm.default_bits, 1024)


def policy_of(directory: Path, algorithm: Algorithm) -> PolicyConf:
    """Return a policy whose keystore is that of Knot's key database in a directory."""
    size = size_of(algorithm)
    conf = KeystoreConf("", str(directory / "keys"))
    return PolicyConf("", (conf,), algorithm=algorithm.number, ksk_size=size, zsk_size=size)


def by_name(algorithm: Algorithm) -> str:
    return algorithm.name


@pytest.mark.peer("keymgr")
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=by_name)
def test_keys_of_knot(tmp_path: Path, algorithm: Algorithm) -> None:
    """What Knot generates is loaded under Knot's id and has the DNSKEY record that Knot tells."""
    policy = policy_of(tmp_path, algorithm)
    words = "generate", f"algorithm={algorithm.number}", f"size={size_of(algorithm)}", "ksk=yes"
    ids = [keymgr(tmp_path, *words)[0] for _ in range(2 if algorithm.is_rsa else ROUNDS)]
    store = KeyStore(policy.keystores[0])
    assert store.list() == sorted(ids)
    for key_id in ids:
        key = key_of(store.load(key_id), algorithm.number, is_ksk=True, is_zsk=False, policy=policy)
        assert (key.id, key.size) == (key_id, size_of(algorithm))
        assert dnskey_rdata(key) == dnskeys(tmp_path, key_id)


@pytest.mark.peer("keymgr")
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=by_name)
def test_keys_for_knot(tmp_path: Path, algorithm: Algorithm) -> None:
    """What we generate is read by Knot under the same id, with the same DNSKEY record; stored again it is our file."""
    ours, knots = tmp_path / "ours", tmp_path / "knots"
    knots.mkdir()
    policy = policy_of(ours, algorithm)
    for _ in range(2 if algorithm.is_rsa else ROUNDS):
        key = new_key(policy, is_ksk=True, is_zsk=False, now_s=1)
        store = KeyStore(policy.keystores[0])
        words = f"algorithm={algorithm.number}", f"size={key.size}", "ksk=yes"
        assert keymgr(knots, "import-pem", str(store.path(key.id)), *words) == [key.id]
        assert dnskeys(knots, key.id) == dnskey_rdata(key)
        again = KeyStore(KeystoreConf("", str(knots / "keys"))).load(key.id)
        assert to_der(again) == to_der(store.load(key.id))


@pytest.mark.peer("keymgr", "dnssec-keygen")
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=by_name)
def test_keys_of_bind(tmp_path: Path, algorithm: Algorithm) -> None:
    """A pair of files is read as Knot reads it: the same id and the same record, which is the one in the file."""
    size = ["-b", "1024"] if algorithm.is_rsa else []
    argv = ["dnssec-keygen", "-q", "-f", "KSK", "-K", str(tmp_path), "-a", BIND_NAMES[algorithm.number], *size, ZONE]
    name = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    pair = read_bind_pair(tmp_path / f"{name}.private")
    key = key_of(pair.private, pair.public.algorithm, is_ksk=True, is_zsk=False, policy=PolicyConf())
    rdata = dnskey_rdata(key)
    assert name == f"K{ZONE}+{algorithm.number:03}+{key_tag(rdata):05}"
    knots = tmp_path / "knots"
    knots.mkdir()
    assert keymgr(knots, "import-bind", str(tmp_path / f"{name}.key")) == [key.id]
    assert dnskeys(knots, key.id) == rdata
    assert pair.times.publish == pair.times.activate > 0
