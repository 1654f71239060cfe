# SPDX-License-Identifier: Apache-2.0
"""What carries out each command of xdpdns-keymgr's table."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from control.tools import (
    keymgr_import,
    keymgr_keys,
    keymgr_keystore,
    keymgr_records,
    keymgr_signing,
    keymgr_trash,
)
from control.tools.keymgr_place import Place
from control.tools.keymgr_session import Session

ZoneCommand = Callable[[Session, Sequence[str]], Iterator[str]]
"""Takes the words behind the command; yields the lines of its output; raises Refusal or ControlError."""
KeystoreCommand = Callable[[Place, str, Sequence[str]], Iterator[str]]
"""The same, with the id of a keystore."""

OF_ZONE: Mapping[str, ZoneCommand] = {
    "list": keymgr_keys.list_command,
    "generate": keymgr_keys.generate,
    "import-bind": keymgr_import.import_bind,
    "import-pub": keymgr_import.import_pub,
    "import-pem": keymgr_import.import_pem,
    "set": keymgr_keys.set_command,
    "ds": keymgr_records.ds,
    "dnskey": keymgr_records.dnskey,
    "delete": keymgr_keys.delete,
    "share": keymgr_keys.share,
    "del-all-old": keymgr_keys.delete_all_old,
    "nsec3-salt": keymgr_signing.nsec3_salt,
    "master-serial": keymgr_signing.master_serial,
    "local-serial": keymgr_signing.local_serial,
    "trash-list": keymgr_trash.trash_list,
    "trash-discard": keymgr_trash.trash_discard,
    "import-trash": keymgr_trash.import_trash,
}
OF_KEYSTORE: Mapping[str, KeystoreCommand] = {
    "keystore-test": keymgr_keystore.keystore_test,
    "keystore-bench": keymgr_keystore.keystore_bench,
}
