# SPDX-License-Identifier: Apache-2.0
"""Keys that were made elsewhere, and what xdpdns-keymgr remembers and prints of them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from control.keys.private import generate, to_pem
from tests.support.keymgr_stage import KeymgrStage

# Made by dnssec-keygen.
BIND_KEY = (
    "; This is a zone-signing key\n"
    "example. 3600 IN DNSKEY 257 3 13 "
    "hGJr9Fi+iTM8LQCTmCY2JiKZN8N+T+iVGWcrRmnHqb75LExeZpZC5atIplCPa+298s6dDrgBqcYd72dIJsWfzw==\n"
)
DS = [
    "example. DS 62996 13 2 ",
    "example. DS 62996 13 4 ",
]


@pytest.fixture
def stage(tmp_path: Path) -> KeymgrStage:
    """A place without keys."""
    return KeymgrStage(tmp_path)


def test_a_public_key(stage: KeymgrStage) -> None:
    """It is published from now on and never signs; there is no private half that could be missing."""
    file = stage.directory / "K.key"
    file.write_text(BIND_KEY)
    key_id, done = stage.ok(f"example. import-pub {file}").split()
    assert (done, stage.files()) == ("OK", set())
    listed = stage.listed(key_id)
    assert (listed["tag"], listed["ksk"], listed["public-only"], listed["missing"]) == ("62996", "yes", "yes", "no")
    assert listed["publish"] != listed["active"] == "0"
    assert listed["keystore"] == "-/-"
    assert stage.ok("example. dnskey").split()[-1] == BIND_KEY.split()[-1]
    assert [line[: len(DS[0])] for line in stage.ok("example. ds").splitlines()] == DS


def test_the_suffix_of_a_public_key(stage: KeymgrStage) -> None:
    """Either name of the pair, or what both begin with."""
    (stage.directory / "K.example.+013").with_name("K.example.+013.key").write_text(BIND_KEY)
    told = {
        stage.ok(f"example. import-pub {stage.directory}/K.example.+013{suffix}") for suffix in ("", ".key", ".private")
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example. IN A 192.0.2.1\n",
        "example. IN DNSKEY 257 3 13 AAAA\n",
        "example. IN DNSKEY 257 3 8 AAAA\n",
        "example. IN DNSKEY 257 3 8 A\n",
        "example. IN DNSKEY 257 3 15 AAAA\n",
        "example. IN DNSKEY 257 3 5 //8=\n",
        "example. IN DNSKEY 257 3 99 AAAA\n",
        BIND_KEY.replace("hGJr", "AAAA"),
        BIND_KEY * 2 + BIND_KEY.replace("257", "256"),
        "\x00\xff",
    ],
)
def test_what_is_no_public_key_is_refused(stage: KeymgrStage, text: str) -> None:
    """The file is named; nothing is recorded."""
    file = stage.directory / "K.key"
    file.write_text(text)
    lines = stage.refused(f"example. import-pub {file}")
    assert str(file) in lines[0]
    assert lines[1] in ("file error", "invalid public key")


def test_pem_files(stage: KeymgrStage) -> None:
    """PKCS #8 and the traditional form; what they do not say is of the policy, and has to fit."""
    private = rsa.generate_private_key(65537, 1024)
    file = stage.directory / "key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    assert stage.refused(f"example. import-pem {file}") == ["invalid key algorithm"]
    assert stage.refused(f"example. import-pem {file} algorithm=8 size=2048") == ["invalid key size"]
    assert stage.files() == set()
    key_id = stage.ok(f"example. import-pem {file} algorithm=RSASHA512 ksk=yes active=+1d size=1024").split()[0]
    listed = stage.listed(key_id)
    assert (listed["algorithm"], listed["size"], listed["ksk"], listed["missing"]) == ("10", "1024", "yes", "no")
    assert stage.files() == {key_id}


def test_an_import_again_changes_role_and_times(stage: KeymgrStage) -> None:
    """It is one key still."""
    file = stage.directory / "key.pem"
    file.write_bytes(to_pem(generate(13, 256)))
    for words in ("", "ksk=yes publish=5 active=6"):
        key_id = stage.ok(f"example. import-pem {file} {words}").split()[0]
    assert (len(stage.ok("example. list").splitlines()), stage.listed(key_id)["active"]) == (1, "6")


def test_a_file_that_is_none(stage: KeymgrStage) -> None:
    """A directory, a file of something else, none at all."""
    for name, reason in (("", "PKCS #8 import error"), ("conf", "PKCS #8 import error"), ("none", "not exists")):
        lines = stage.refused(f"example. import-pem {stage.directory}/{name}")
        assert (str(stage.directory) in lines[0], lines[1]) == (True, reason)


def test_salts_and_serials(tmp_path: Path) -> None:
    """They are printed as they were set; a salt of another length than the policy's is worth a warning."""
    stage = KeymgrStage(tmp_path, "nsec3-salt-length: 2")
    assert stage.ok("example. nsec3-salt") == "Current salt: -\n"
    assert stage.ok("example. nsec3-salt abCD") == "OK\n"
    assert stage.ok("example. nsec3-salt") == "Current salt: ABCD\n"
    told = stage.run("example. nsec3-salt -")
    assert told == (0, "OK\n", "warning: specified salt doesn't match configured salt length (2)\n")
    assert stage.refused("example. nsec3-salt abc") == ["malformed data"]
    assert stage.refused(f"example. nsec3-salt {'ab' * 256}") == ["value is out of range"]
    assert stage.ok("example. master-serial 7") == "OK\n"
    assert stage.ok("example. local-serial") == "-- no serial --\n"
    assert stage.ok("example. local_serial 4294967295") == "OK\n"
    assert stage.ok("example. master-serial") == "Current serial: 7\n"
    assert stage.refused("example. local-serial 4294967296") == ["value is out of range"]
    assert stage.refused("example. local-serial 1x") == ["invalid parameter"]
    assert stage.ok("other. local-serial") == "-- no serial --\n"
