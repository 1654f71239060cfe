# SPDX-License-Identifier: Apache-2.0
"""A new TSIG key, for a client and as a `key` section of a configuration. It is shown and kept nowhere."""

import base64
import re
import secrets
from collections.abc import Callable, Sequence

from control.access.tsig import ALGORITHMS
from control.tools.keymgr_refusal import INVALID, Refusal

DEFAULT_ALGORITHM = "hmac-sha256"
BITS_MOST = 8192
NAME = re.compile(r"(?=.{1,253}\.?\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
"""Names that need no quoting in a configuration."""


def tsig_lines(
    name: str, options: Sequence[str], random: Callable[[int], bytes] = secrets.token_bytes
) -> tuple[list[str], str | None]:
    """Return the lines of a new key, and a warning if it is short; `options` are `[ALGORITHM [BITS]]`.

    Bits are rounded up to octets; without them there are as many as the hash has. Raises Refusal.
    """
    algorithm = options[0].lower() if options else DEFAULT_ALGORITHM
    if algorithm not in ALGORITHMS:
        raise Refusal("failed to generate TSIG (invalid key algorithm)")
    if NAME.fullmatch(name) is None or len(options) > 2:
        raise Refusal(f"failed to generate TSIG ({INVALID})")
    best = ALGORITHMS[algorithm].mac_bytes
    octets = _octets(options[1], best) if len(options) == 2 else best
    secret = base64.b64encode(random(octets)).decode("ascii")
    lines = [f"# {algorithm}:{name}:{secret}"]
    lines += ["key:", f"  - id: {name}", f"    algorithm: {algorithm}", f"    secret: {secret}"]
    return lines, f"optimal key size for {algorithm} is at least {8 * best} bits" if octets < best else None


def _octets(text: str, best: int) -> int:
    if not (len(text) <= 5 and text.isascii() and text.isdecimal() and int(text) <= BITS_MOST):
        raise Refusal(f"failed to generate TSIG ({INVALID})")
    return (int(text) + 7) // 8 or best
