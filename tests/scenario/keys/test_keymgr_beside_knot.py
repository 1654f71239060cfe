# SPDX-License-Identifier: Apache-2.0
"""xdpdns-keymgr and Knot's keymgr get the same commands: output, errors and exit status are the same.

Keys are imported, so that ids and tags are the same as well. Known differences are taken out by name: columns that
newer versions of keymgr have, the order of the brief list, and the exit status of a command that is none.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from control.keys import private
from control.keys.private import PrivateKey
from tests.support.keymgr_pair import NEWER, Pair, told_by_knot
from tests.support.keymgr_stage import run_keymgr

pytestmark = pytest.mark.peer("keymgr")
NO_KEY = "1"
"""The tag or the beginning of an id that no key has."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Both programs, and private keys of several algorithms, of which no id begins with NO_KEY."""
    pair = Pair(tmp_path_factory.mktemp("pair"))
    makers: dict[str, Callable[[], PrivateKey]] = {
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ed448": ed448.Ed448PrivateKey.generate,
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }
    for name, make in makers.items():
        while private.key_id(key := make()).startswith(NO_KEY):
            pass
        octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        Path(pair.pem(name)).write_bytes(octets)
    return pair


@pytest.fixture(scope="module")
def keys(pair: Pair) -> dict[str, str]:
    """The ids of the keys, which both programs have imported."""
    roles = {
        "p256": "algorithm=13 ksk=yes",
        "p384": "algorithm=ECDSAP384SHA384",
        "ed25519": "algorithm=15 ksk=yes zsk=yes",
        "ed448": "algorithm=ed448 zsk=yes",
        "rsa": "algorithm=RSASHA256 ksk=yes",
    }
    times = "publish=20250101000000 ready=20250102000000 active=20250102000000 retire=20370101000000"
    ids = {}
    for name, arguments in roles.items():
        told = pair.same(f"example.com import-pem {pair.pem(name)} {arguments} {times}")
        ids[name], done = told.out.split()
        assert done == "OK"
    return ids


def test_lists(pair: Pair, keys: dict[str, str]) -> None:
    """Brief and full, with times as numbers and dates."""
    for line in ("list", "list iso", "list -e", "list iso -e", "-x list", "EXAMPLE.com. list"):
        words = line.split() if "EXAMPLE" in line else ["example.com", *line.split()]
        ours, knot = (pair.run(name, *words) for name in ("ours", "knot"))
        assert sorted(NEWER.sub("", ours.out).splitlines()) == sorted(knot.out.splitlines()), line
        assert (ours.status, ours.err) == (knot.status, knot.err)
        assert ours.out.splitlines() == sorted(ours.out.splitlines())


def test_json_lists(pair: Pair, keys: dict[str, str]) -> None:
    """What both have says the same, in the same layout."""
    ours, knot = (pair.run(name, "-j", "example.com", "list").out for name in ("ours", "knot"))
    for mine, theirs in zip(json.loads(ours), json.loads(knot), strict=True):
        assert {name: mine[name] for name in theirs} == theirs
        assert [name for name in mine if name in theirs] == list(theirs)
    assert ours == json.dumps(json.loads(ours), indent=2) + "\n"
    assert knot == json.dumps(json.loads(knot), indent=2) + "\n"


def test_coloured_lists(pair: Pair, keys: dict[str, str]) -> None:
    """Escapes and all."""
    ours, knot = (pair.run(name, "-X", "example.com", "list").out for name in ("ours", "knot"))
    created = re.compile(r" created\x1b\[0m=\d+\x1b\[0m")
    assert sorted(created.sub("", ours).splitlines()) == sorted(knot.splitlines())


def test_records(pair: Pair, keys: dict[str, str]) -> None:
    """DS and DNSKEY of all KSKs, and of single keys by tag, id and the beginning of an id."""
    ours, knot = (pair.run(name, "example.com", "ds") for name in ("ours", "knot"))
    assert (len(ours.out.splitlines()), ours) == (6, knot)
    pair.same("example.com dnskey")
    for key_id in keys.values():
        tag = pair.same(f"example.com ds id={key_id}").out.split()[2]
        pair.same(f"example.com dnskey {key_id[:12]}")
        pair.same(f"example.com dnskey keytag={tag}")


@pytest.mark.parametrize(
    "line",
    [
        "list-zones-that-have-keys -l",
        "example.com set",
        f"example.com set {NO_KEY} active=0",
        f"example.com set keytag={NO_KEY} active=0",
        "example.com set zz active=0",
        "example.com set {p256} foo=1",
        "example.com set {p256} algorithm=8",
        "example.com set {p256} remove=+1d retire=0",
        "example.com set {p256} publish=+1y",
        "example.com set {p256} retire_active=20240101000000",
        "example.com set {p256} retire=20240101000000",
        "example.com set {p256} post_active=20240101000000",
        "example.com set {p256} pre_active=20260101000000",
        "example.com generate algorithm=foo",
        "example.com generate algorithm=300",
        "example.com generate algorithm=99",
        "example.com generate foo=1",
        "example.com generate size=x",
        "example.com generate size=5",
        "example.com generate algorithm=RSASHA256 size=512",
        "example.com generate publish=+1d",
        "example.com delete",
        f"example.com delete {NO_KEY}",
        "example.com ds zz",
        f"example.com ds {NO_KEY}",
        "other.test share",
        "other.test share {p256}",
        "other.test share {p256} none.test",
        "other.test share zz example.com",
        "example.com import-pem",
        "example.com import-bind",
        "example.com import-pub",
        "example.com nsec3-salt abc",
        "example.com nsec3-salt zz",
        "example.com local-serial x",
        "example.com master-serial 4294967296",
        "example.com master-serial",
        "none.test list",
        "none.test ds",
        "none.test local-serial",
        "none.test del-all-old",
    ],
)
def test_refusals_and_nothing(pair: Pair, keys: dict[str, str], line: str) -> None:
    """What is wrong is named in the same words; what is not there prints nothing."""
    pair.same(line.format(**keys).removeprefix("list-zones-that-have-keys "))


def test_what_is_remembered_of_signing(pair: Pair) -> None:
    """Salt and serials are printed, set, and printed."""
    for line in ("abcdef0123456789", "", "ABCD", "", "-", ""):
        pair.same(f"example.com nsec3-salt {line}")
    for command in ("local-serial", "master-serial"):
        for line in ("7", "", "4294967295", ""):
            pair.same(f"example.com {command} {line}")


def test_set(pair: Pair, keys: dict[str, str]) -> None:
    """Timers and roles, as the list shows them then."""
    for line in ("retire=20370201000000 remove=2145000000", "zsk=yes", "ksk=no", "remove=0 retire=0 ready=0", ""):
        assert pair.same(f"example.com set {keys['rsa']} {line}").out == "OK\n"
        ours, knot = (pair.run(name, "example.com", "list").out for name in ("ours", "knot"))
        assert sorted(NEWER.sub("", ours).splitlines()) == sorted(knot.splitlines()), line


def test_the_sep_flag(pair: Pair, keys: dict[str, str]) -> None:
    """It can be set against the role; another role takes that back."""
    key_id = keys["p384"]
    for line in ("sep=yes", "ksk=yes", "sep=no", "ksk=no zsk=yes", "sep=no"):
        pair.same(f"example.com set {key_id} {line}")
        pair.same(f"example.com dnskey {key_id}")


def test_share_and_delete(pair: Pair, keys: dict[str, str]) -> None:
    """A shared key is of both zones; its file goes with the last of them."""
    pair.same(f"b.test share {keys['ed448']} example.com")
    zones = [pair.run(name, "-l").out.split() for name in ("ours", "knot")]
    assert sorted(zones[0]) == sorted(zones[1]) == ["b.test.", "example.com."]
    pair.same(f"example.com delete {keys['ed448']}")
    assert pair.run("ours", "b.test", "list").out.split()[0] == keys["ed448"]
    assert (pair.directory / "ours/keys/keys" / f"{keys['ed448']}.pem").exists()
    pair.same(f"b.test delete {keys['ed448']}")
    pair.same("b.test list")


def test_generated_keys(pair: Pair) -> None:
    """The same roles, algorithms, sizes and timers; ids and tags are of chance."""
    lines = ("", "ksk=yes", "ksk=yes zsk=yes algorithm=ED25519", "algorithm=RSASHA256 size=1024 active=+1d remove=0")
    for line in lines:
        for name in ("ours", "knot"):
            told = pair.run(name, "made.test", "generate", *line.split(), "created=5", "publish=6", "active=7")
            assert told.status == 0, told
            assert re.fullmatch("[0-9a-f]{40}\n", told.out), told
    listed = [pair.run(name, "made.test", "list").out.splitlines() for name in ("ours", "knot")]
    assert sorted(NEWER.sub("", line)[46:] for line in listed[0]) == sorted(line[46:] for line in listed[1])


def test_each_reads_the_keys_of_the_other(pair: Pair) -> None:
    """What one has generated the other imports, under the same id and as the same record."""
    for maker, taker in (("ours", "knot"), ("knot", "ours")):
        key_id = pair.run(maker, "swap.test", "generate", "ksk=yes", "publish=6", "active=7").out.strip()
        file = pair.directory / maker / "keys/keys" / f"{key_id}.pem"
        told = pair.run(taker, "swap.test", "import-pem", str(file), "ksk=yes")
        assert told == (0, f"{key_id}\nOK\n", "")
        records = [pair.run(name, "swap.test", "dnskey", key_id).out for name in (maker, taker)]
        assert records[0] == records[1] != ""


@pytest.mark.peer("dnssec-keygen")
def test_keys_of_bind(pair: Pair) -> None:
    """Both halves by any of their names, with the times in them; the public half alone."""
    for number, options in enumerate(("-a 13", "-a 8 -b 2048 -f KSK", "-a 15 -P 20250101000000 -A 20250102000000")):
        argv = ["dnssec-keygen", "-K", str(pair.directory), *options.split(), "bind.test"]
        base = str(pair.directory / subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())
        suffix = ("", ".key", ".private")[number]
        assert pair.same(f"bind.test import-bind {base}{suffix}").out.endswith("\nOK\n")
        ours, knot = (pair.run(name, "public.test", "import-pub", base) for name in ("ours", "knot"))
        assert ours[:2] == knot[:2]
        assert ours.err == "warning: the key was made for zone bind.test.\n"
    for zone in ("bind.test", "public.test"):
        ours, knot = (pair.run(name, zone, "dnskey").out for name in ("ours", "knot"))
        assert sorted(ours.splitlines()) == sorted(knot.splitlines())
    ours, knot = (pair.run(name, "bind.test", "list").out for name in ("ours", "knot"))
    assert sorted(NEWER.sub("", ours).splitlines()) == sorted(knot.splitlines())


@pytest.mark.parametrize("line", ["hmac-sha256", "hmac-sha512 512", "hmac-sha1 8", "foo", "hmac-md5"])
def test_tsig(pair: Pair, line: str) -> None:
    """The same lines around another secret."""
    argv = ["-t", "my.key", *line.split()]
    ours, knot = run_keymgr(argv), told_by_knot(argv)
    secret = re.compile(r"(:|secret: )[A-Za-z0-9+/]+=*$", re.MULTILINE)
    assert ours._replace(out=secret.sub("", ours.out)) == knot._replace(out=secret.sub("", knot.out))
    assert len(ours.out) == len(knot.out)


@pytest.mark.parametrize(
    "line", ["example.com import-pem nofile", "example.com import-bind nofile", "example.com import-pem {config}"]
)
def test_files_that_cannot_be_read(pair: Pair, line: str) -> None:
    """Knot's says that it does not work, ours also which file it is and what to do."""
    words = line.format(config=pair.configs["knot"]).split()
    ours, knot = (pair.run(name, *words) for name in ("ours", "knot"))
    assert ours[:2] == knot[:2]
    assert words[-1] in ours.err
    assert len(ours.err.splitlines()) == 2
    if "pem" in line:
        assert ours.err.splitlines()[1] == knot.err.strip()


def test_a_command_that_is_none_fails(pair: Pair) -> None:
    """Knot's says so too, and ends with status 0."""
    ours, knot = (pair.run(name, "example.com", "foo") for name in ("ours", "knot"))
    assert (ours.out, ours.err) == (knot.out, knot.err)
    assert (ours.status, knot.status) == (1, 0)
