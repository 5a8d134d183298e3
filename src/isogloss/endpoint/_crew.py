"""Many jobs at once in a thread of their own, for a caller that takes results one by one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Session = Callable[[], AbstractAsyncContextManager[Callable[[T], Awaitable[R]]]]
"""Opened in the event loop; gives the coroutine function that does one item."""

_AHEAD = 3
"""Items under way for each worker: one in its hands, the others waiting for it or for the caller,
so that no connection idles while the caller stores what came."""


def concurrently(
    items: Iterable[T],
    session: Callable[[], AbstractAsyncContextManager[Callable[[T], Awaitable[R]]]],
    *,
    at_once: int,
) -> Iterator[R]:
    """Yield what became of every item, in the order in which they are done.

    The event loop runs in a thread of its own: time-outs stay right however long the caller takes
    for a result. ``items`` is drawn from in the caller's thread, never more than a few per worker
    ahead of what was yielded, so that memory does not grow with their number.

    Args:
        items: drawn lazily.
        session: see `Session`.
        at_once: items worked on side by side.

    Raises:
        Exception: the first that the session or a worker raised, after all results that were done
            before it; what was under way is cancelled.
    """
    todo, n_out = iter(items), 0
    crew = _Crew(session, at_once)
    try:
        while True:
            drawn = list(islice(todo, _AHEAD * at_once - n_out))
            n_out += len(drawn)
            if not n_out:
                return
            crew.submit(drawn)
            for result in crew.collect():
                n_out -= 1
                yield result
    finally:
        crew.stop()


class _End:
    """Put behind the last result when the thread ends."""


class _Crew(Generic[T, R]):
    """The thread with the event loop and its workers."""

    def __init__(
        self,
        session: Callable[[], AbstractAsyncContextManager[Callable[[T], Awaitable[R]]]],
        at_once: int,
    ) -> None:
        self._session, self._at_once = session, at_once
        self._done: SimpleQueue[R | _End] = SimpleQueue()
        self._todo: asyncio.Queue[T] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._ready = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="isogloss-endpoint")
        self._ended: Future[None] = self._executor.submit(asyncio.run, self._work())
        self._ended.add_done_callback(lambda _: self._done.put(_End()))
        self._ready.wait()

    def submit(self, items: Sequence[T]) -> None:
        if items:
            self._call(self._put, items)

    def collect(self) -> list[R]:
        """What is done; waits until something is."""
        found = [self._done.get()]
        with suppress(Empty):
            while True:
                found.append(self._done.get_nowait())
        results = [result for result in found if not isinstance(result, _End)]
        if len(results) < len(found):
            if not results:
                self._ended.result()
            self._done.put(_End())
        return results

    def stop(self) -> None:
        """Cancel what is still under way and wait for the thread."""
        if self._main is not None:
            self._call(self._main.cancel)
        self._executor.shutdown()

    def _call(self, function: Callable[..., object], *args: object) -> None:
        # The loop is closed once a worker has failed; `collect` raises what it was.
        with suppress(RuntimeError):
            assert self._loop is not None
            self._loop.call_soon_threadsafe(function, *args)

    def _put(self, items: Sequence[T]) -> None:
        for item in items:
            self._todo.put_nowait(item)

    async def _work(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        async with self._session() as work:
            workers = [asyncio.create_task(self._worker(work)) for _ in range(self._at_once)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self, work: Callable[[T], Awaitable[R]]) -> None:
        while True:
            self._done.put(await work(await self._todo.get()))
