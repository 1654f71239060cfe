# SPDX-License-Identifier: Apache-2.0
"""The commands of xdpdns-keymgr; its help, its completion and what it refuses derive from this table."""

from typing import NamedTuple


class CommandSpec(NamedTuple):
    """One command."""

    name: str
    synopsis: str
    help: str
    missing: str = ""
    """Said when the first argument is not there; empty: it needs none."""
    all_zones: bool = False
    """May the zone be `-`, all of them?"""
    of_keystore: bool = False
    """Is its first word a keystore and no zone?"""


BIND_MISSING = "BIND-style key to import not specified"
KEY_MISSING = "Key is not specified"
ID_MISSING = "Key ID is not specified"

SPECS = (
    CommandSpec("list", "[human|iso]", "List the keys of the zone."),
    CommandSpec("generate", "[NAME=VALUE...]", "Make a key; what is not named is of the policy."),
    CommandSpec(
        "import-bind", "FILE", "Import a key of BIND; FILE.key and FILE.private are both needed.", BIND_MISSING
    ),
    CommandSpec("import-pub", "FILE", "Import a public key, which is published and never signs.", BIND_MISSING),
    CommandSpec("import-pem", "FILE [NAME=VALUE...]", "Import a private key.", "PEM file to import not specified"),
    CommandSpec("set", "KEY [NAME=VALUE...]", "Change times and flags of a key.", KEY_MISSING),
    CommandSpec("ds", "[KEY]", "Print DS records, without KEY those of all KSKs."),
    CommandSpec("dnskey", "[KEY]", "Print DNSKEY records, without KEY those of all KSKs."),
    CommandSpec("delete", "KEY", "Take a key from the zone; it goes to the trash for a while.", KEY_MISSING),
    CommandSpec("share", "ID ZONE", "Let the zone use a key of another zone too.", "Key to be shared is not specified"),
    CommandSpec("del-all-old", "", "Delete the keys that are removed."),
    CommandSpec("nsec3-salt", "[SALT]", "Print or set the salt (hexadecimal, - for none)."),
    CommandSpec("master-serial", "[SERIAL]", "Print or set the serial of the primary that was signed last."),
    CommandSpec("local-serial", "[SERIAL]", "Print or set the serial that signing gave the zone last."),
    CommandSpec("trash-list", "[human|iso]", "List deleted keys.", all_zones=True),
    CommandSpec("trash-discard", "ID|-", "Let go of a deleted key, or of all.", ID_MISSING, all_zones=True),
    CommandSpec("import-trash", "ID [NAME=VALUE...]", "Take a deleted key back, with new times.", ID_MISSING),
    CommandSpec("keystore-test", "", "Try every algorithm in a keystore.", of_keystore=True),
    CommandSpec("keystore-bench", "[threads [algorithm]]", "Measure how fast keys sign.", of_keystore=True),
)
BY_NAME = {spec.name: spec for spec in SPECS}

OFFLINE_KSK, PKCS11 = "offline KSK", "PKCS #11"
ABSENT = {
    "pregenerate": OFFLINE_KSK,
    "show-offline": OFFLINE_KSK,
    "del-offline": OFFLINE_KSK,
    "generate-ksr": OFFLINE_KSK,
    "sign-ksr": OFFLINE_KSK,
    "validate-skr": OFFLINE_KSK,
    "import-skr": OFFLINE_KSK,
    "import-pkcs11": PKCS11,
}
"""Commands of Knot's key manager that this server does not have, and what they are for."""
