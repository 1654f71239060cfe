# SPDX-License-Identifier: Apache-2.0
"""Names of messages as text."""

from functools import lru_cache

from control.conf.values import label_text


@lru_cache(1024)
def name_text(name: bytes) -> str:
    """Return a name in wire form as text in lower case, with the final dot and escapes as the configuration has it."""
    labels, at = [], 0
    while name[at]:
        end = at + 1 + name[at]
        labels.append(label_text(name[at + 1 : end]))
        at = end
    return "".join(f"{label}." for label in labels) or "."
