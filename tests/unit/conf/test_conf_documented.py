# SPDX-License-Identifier: Apache-2.0
"""The configurations that docs/operation.md shows have no error."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.check import all_problems

MANUAL = Path(__file__).resolve().parents[3] / "docs" / "operation.md"
KEYS = "".join(f"  - id: {name}\n    algorithm: hmac-sha256\n    secret: AAAA\n" for name in ("xfer", "dhcp"))
REMOTES = "".join(f"  - id: {name}\n    address: 192.0.2.1\n" for name in ("primary", "ns2"))
RULES = "  - id: to-ns2\n    action: transfer\n  - id: notice\n    action: notify\n"
OTHERS = {"key:": f"key:\n{KEYS}", "remote:": f"remote:\n{REMOTES}acl:\n{RULES}"}
"""What a block refers to and another block of the chapter has, by the section that it may have itself."""
SECTION = re.compile(r"^(?:key|remote|acl|zone|template|server|log):$", re.MULTILINE)
BLOCK = re.compile(r"(?:^    .*\n|^\n(?=    ))+", re.MULTILINE)


def shown() -> Iterator[str]:
    """Yield the blocks that are configurations."""
    for block in BLOCK.findall(MANUAL.read_text()):
        text = re.sub(r"^    ", "", block, flags=re.MULTILINE)
        if SECTION.search(text):
            yield text


@pytest.mark.parametrize("text", list(shown()), ids=lambda text: SECTION.findall(text)[0])
def test_shown_configuration(text: str, tmp_path: Path) -> None:
    """It is accepted together with the keys, remotes and rules that the text around it speaks of."""
    before = "".join(other for section, other in OTHERS.items() if f"{section}\n" not in text)
    templates = "template:\n  - id: other\n" if "[ eu, other ]" in text else ""
    file = tmp_path / "knot.conf"
    file.write_text(before + templates + text)
    assert not all_problems(str(file))[1]
