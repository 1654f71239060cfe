# SPDX-License-Identifier: Apache-2.0
"""The seam: the only module that imports the compiled extension, and the map from its codes to exceptions."""

import os

from pyxdp_dns import errors
from pyxdp_dns._native import ffi, lib

__all__ = ["ERROR_CLASSES", "check", "ffi", "lib"]

ERROR_CLASSES: dict[str, type[errors.EngineError]] = {
    "NOMEM": errors.ResourceError,
    "SYSTEM": errors.ResourceError,
    "RANGE": errors.EngineError,
    "BUSY": errors.ResourceError,
    "NOT_FOUND": errors.EngineError,
    "EXISTS": errors.EngineError,
    "NAME": errors.ZoneRefused,
    "RDATA": errors.ZoneRefused,
    "SYNTAX": errors.ZoneRefused,
    "ZONE": errors.ZoneRefused,
    "KEY_ORDER": errors.EngineError,
    "TABLE_MAGIC": errors.TableRefused,
    "TABLE_LAYOUT": errors.TableRefused,
    "TABLE_CHECKSUM": errors.TableRefused,
    "TABLE_TRUNCATED": errors.TableRefused,
    "TABLE_STALE": errors.TableRefused,
    "TABLE_CORRUPT": errors.TableRefused,
    "TABLE_FULL": errors.TableFull,
    "NO_XDP": errors.ResourceError,
    "SHM": errors.EngineError,
    "STORE": errors.EngineError,
    "CRYPTO": errors.SigningError,
    "KEY": errors.SigningError,
    "KEY_PAIR": errors.SigningError,
    "STOPPED": errors.SigningStopped,
}
"""Exception class of every error name in csrc/error.h."""


def check(code: int, what: str) -> None:
    """Raise the exception of a negative result code; `what` says what it concerns and what to do.

    Must be called right after the C function, since a system error's reason is in errno.
    """
    if code >= 0:
        return
    errno = ffi.errno
    name = ffi.string(lib.xd_error_name(-code)).decode()
    text = ffi.string(lib.xd_error_text(-code)).decode()
    if name == "SYSTEM":
        raise errors.ResourceError(f"{what}: {os.strerror(errno)}", errno)
    raise ERROR_CLASSES[name](f"{what}: {text}")
