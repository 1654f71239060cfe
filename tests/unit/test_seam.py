# SPDX-License-Identifier: Apache-2.0
"""The seam between C and Python: the headers are the cdef, and every error code has its exception."""

import re
from pathlib import Path

import pytest

from pyxdp_dns import build_native, errors, signing_native
from pyxdp_dns.native import ERROR_CLASSES, check, ffi, lib

FUNCTION = re.compile(r"\b(xd_\w+)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def header_regions() -> dict[str, str]:
    """Return the text of the cdef regions of every header that has one."""
    found: dict[str, str] = {}
    root = Path(build_native.CSRC)
    for header in sorted([*root.glob("*.h"), *root.glob("signing/*.h")]):
        if regions := build_native.CDEF_REGION.findall(header.read_text()):
            found[str(header.relative_to(root))] = "\n".join(regions)
    return found


def test_every_header_with_a_cdef_region_is_compiled_in() -> None:
    """A header that declares something for Python is in HEADERS or SIGNING_HEADERS."""
    assert sorted(header_regions()) == sorted({*build_native.HEADERS, *build_native.SIGNING_HEADERS})


@pytest.mark.parametrize(
    ("headers", "built"),
    [(build_native.HEADERS, lib), (build_native.SIGNING_HEADERS, signing_native.lib)],
    ids=["engine", "signing"],
)
def test_every_declared_function_is_in_the_extension(headers: tuple[str, ...], built: object) -> None:
    """Each extension was built from its headers as they are now: it has each function they declare."""
    regions = header_regions()
    declared = {name for header in headers for name in FUNCTION.findall(COMMENT.sub("", regions[header]))}
    assert declared
    assert sorted(name for name in declared if not hasattr(built, name)) == []


def test_every_error_of_signing_has_a_remedy() -> None:
    """What the second seam tells to do about an error belongs to an error that there is."""
    assert set(signing_native.REMEDIES) <= set(ERROR_CLASSES)


def test_every_error_code_is_mapped_to_an_exception() -> None:
    """The table of error codes in C and the map of exceptions in Python name the same errors."""
    names = {ffi.string(lib.xd_error_name(code)).decode() for code in range(1, lib.xd_error_count())}
    assert names == set(ERROR_CLASSES)


def test_every_error_class_stands_in_the_tree() -> None:
    """The tree drawn at the top of errors.py shows every class of the module, and no other."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    drawn = set(re.findall(r"^[ |+-]*([A-Z]\w+)", (errors.__doc__ or "").partition("\n")[2], re.MULTILINE))
    assert drawn == classes


def test_check_raises_the_class_of_the_code() -> None:
    """A negative result becomes the exception of its code, with what it concerns and the reason in the message."""
    code = next(c for c in range(1, lib.xd_error_count()) if ffi.string(lib.xd_error_name(c)) == b"TABLE_MAGIC")
    with pytest.raises(errors.TableRefused, match="/var/table: not a response table"):
        check(-code, "/var/table")
    check(0, "nothing")
