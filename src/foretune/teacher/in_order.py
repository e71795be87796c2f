"""Runs a function over items in several threads, and hands out the results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, ahead: Callable[[], int]
) -> Iterator[tuple[Item, Result]]:
    """Results one after another, whatever the order in which they are ready.

    Args:
        function: called from threads.
        items: are taken only when a thread is free for them.
        workers: threads.
        ahead: how many items more than those taken out are worth to begin; is asked before each, and 0 ends it once
            what is under way is handed out.

    Raises:
        Exception: the first that the function raises; items under way are finished first.
    """
    left = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        pending = deque[tuple[Item, Future[Result]]]()
        try:
            while True:
                while len(pending) < min(workers, ahead()) and (item := next(left, None)) is not None:
                    pending.append((item, pool.submit(function, item)))
                if not pending:
                    return
                item, future = pending.popleft()
                yield item, future.result()
        finally:
            for _, future in pending:
                future.cancel()
