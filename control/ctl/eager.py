# SPDX-License-Identifier: Apache-2.0
"""Running a coroutine at once as far as it does not have to wait, and the rest of it in a task.

What has not waited yet runs in no task: it must not ask for the current one, as `asyncio.timeout` does.
"""

import types
from collections.abc import Coroutine, Generator
from typing import Any


def begin(work: Coroutine[Any, Any, None]) -> tuple[bool, object]:
    """Run a coroutine until it ends or waits; return whether it waits, and for what. Raises what it raises."""
    try:
        return True, work.send(None)
    except StopIteration:
        return False, None


@types.coroutine
def go_on(work: Coroutine[Any, Any, None], pending: object) -> Generator[Any, Any, None]:
    """Run, in a task, the rest of a coroutine that waits for `pending`."""
    try:
        while True:
            try:
                sent = yield pending
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:  # noqa: BLE001 - cancellation, which is the coroutine's to see
                pending = work.throw(error)
            else:
                pending = work.send(sent)
    except StopIteration:
        return
