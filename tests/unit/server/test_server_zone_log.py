# SPDX-License-Identifier: Apache-2.0
"""What the log and clients are told of errors about keys."""

from control.ctl.errors import reason_of
from control.errors import KaspDamaged, KeyMissing, KeyRefused
from control.server.zone_log import failure_text


def test_errors_about_keys() -> None:
    """Clients hear a short reason; the log names file or key, and the remedy."""
    damaged = KaspDamaged(b"\0", 40 * "a", ValueError("its checksum is wrong"))
    for error, reason in (
        (damaged, "malformed data"),
        (KeyMissing("file; put it back"), "not exists"),
        (KeyRefused("file; correct it"), "invalid private key"),
    ):
        assert (reason_of(error), failure_text(error)) == (reason, str(error))
    assert f"delete {40 * 'a'}" in failure_text(damaged)
