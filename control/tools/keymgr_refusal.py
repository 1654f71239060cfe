# SPDX-License-Identifier: Apache-2.0
"""What xdpdns-keymgr refuses, in the words of the reference's key manager."""

INVALID = "invalid parameter"
NOT_EXISTS = "not exists"
SEMANTIC = "semantic check"


class Refusal(Exception):
    """A command is not carried out and has changed nothing. Each text is a line of `error: ...`."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines
