# SPDX-License-Identifier: Apache-2.0
"""Reading a whole configuration: parse, check, build; and what is only worth a warning."""

import gc
import os
from collections.abc import Callable, Iterator

from control.conf.checks import CHECKS, ZoneChecks, check_block
from control.conf.document import Document
from control.conf.errors import ConfigurationError, ValueProblem
from control.conf.model import Config, build_config
from control.conf.parse import parse_file
from control.conf.policy import PolicyConf
from control.conf.zones import ZoneBuilder

DEPRECATED_ALGORITHMS = (5, 7)
NSEC3_ITERATIONS_MAX = 20
"""More are warned of."""


def find_problems(document: Document) -> Iterator[ConfigurationError]:
    """Yield what the parser cannot see: values that contradict each other, with the block they are in."""
    for section in CHECKS:
        if section != "zone":
            for block in document.each(section):
                for reason in check_block(block, document):
                    yield block.error(reason)
    checks = ZoneChecks(document)
    for block in document.each("zone"):
        for reason in checks.check(block):
            yield block.error(reason)


def check_document(document: Document) -> None:
    """Refuse values that contradict each other; raise `ConfigurationError` with the block they are in."""
    for problem in find_problems(document):
        raise problem


def warnings(config: Config) -> Iterator[str]:
    """What is allowed but probably not meant."""
    for directory in sorted({os.path.dirname(zone.file) for zone in config.zones.values()}):
        if not os.path.isdir(directory):
            yield f"config, storage directory '{directory}' does not exist"
    if not config.server.listen and not config.xdp.listen:
        yield "config, no listen address, set server.listen or xdp.listen to be asked anything"
    signing = (zone.dnssec.policy for zone in config.zones.values() if zone.dnssec.signing)
    for policy in {id(policy): policy for policy in signing}.values():
        yield from _discouraged(policy)


def _discouraged(policy: PolicyConf) -> Iterator[str]:
    """What a policy asks for that validators cease to take (RFC 8624, section 3.1; RFC 9276, section 3.1)."""
    if policy.algorithm in DEPRECATED_ALGORITHMS:
        yield f"config, algorithm {policy.algorithm} is deprecated and shouldn't be used for DNSSEC signing"
    if policy.nsec3 and policy.nsec3_iterations > NSEC3_ITERATIONS_MAX:
        name, count = f"policy[{policy.id}].nsec3-iterations", policy.nsec3_iterations
        yield f"config, {name}={count} is too high, the recommended value is 0"


def load_config(path: str) -> Config:
    """Parse, check and build the configuration in a file; raise `ConfigurationError`, or OSError when unreadable."""
    return load(path)[1]


def load(path: str) -> tuple[Document, Config]:
    """The same, and what the file sets, which changes of the configuration start from."""
    return checked(lambda: parse_file(path), path)


def checked(read: Callable[[], Document], path: str) -> tuple[Document, Config]:
    """Return what `read` returns, checked, and the configuration it makes; `path` is where it is from."""
    collecting = gc.isenabled()
    gc.disable()  # nothing here makes cycles, and walking a hundred thousand new blocks doubles the time
    try:
        document = read()
        check_document(document)
        return document, build_config(document, path)
    finally:
        if collecting:
            gc.enable()


def all_problems(path: str) -> tuple[Document, list[ConfigurationError]]:
    """Read a file to its end and return everything that is refused in it, in reading order by file."""
    problems: list[ConfigurationError] = []
    document = parse_file(path, problems=problems)
    problems.extend(find_problems(document))
    builder = ZoneBuilder(document, "/", "/")
    for block in document.each("zone"):
        try:
            builder.build(block.id or "", block.values)
        except ValueProblem as problem:
            problems.append(block.error(str(problem)))
    order = {file: index for index, file in enumerate(document.files)}
    problems.sort(key=lambda problem: (order.get(problem.file, 0), problem.line or 0))
    return document, problems
