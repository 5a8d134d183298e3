"""One function over many items, in this process or in several.

Processes are spawned, never forked (torch's threads do not survive a fork), each is sent the
function once and then one item at a time, so that the slowest item holds up nobody else. Ray's
``ActorPool.map_unordered`` is the same shape over a cluster.
"""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from isogloss.errors import WorkerError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_unordered(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 1
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, as they are done.

    Args:
        function: with more than one worker it must be picklable; an instance with state keeps that
            state between the items of one process (a model loaded at its first call).
        items: taken one at a time.
        workers: processes; 1 runs here, in the order of ``items``.

    Yields:
        Results in the order of completion.

    Raises:
        WorkerError: a worker process died.
        Exception: what ``function`` raised, with the worker's traceback as a note.

    Whatever ends the iteration early (an error, Ctrl-C, a caller that stops) ends the processes.

    Example:
        >>> list(map_unordered(abs, [-1, 2]))
        [1, 2]
    """
    if workers == 1:
        yield from map(function, items)
        return
    payload = pickle.dumps(function)
    pending = iter(items)
    crew: dict[Connection, SpawnProcess] = {}
    try:
        for item in pending:
            connection, process = _start(payload, len(crew))
            crew[connection] = process
            _send(connection, process, item)
            if len(crew) == workers:
                break
        while crew:
            for connection in wait(list(crew)):
                assert isinstance(connection, Connection)
                yield _receive(connection, crew[connection])
                try:
                    item = next(pending)
                except StopIteration:
                    connection.send_bytes(b"")
                    crew.pop(connection).join()
                    connection.close()
                else:
                    _send(connection, crew[connection], item)
    finally:
        for process in crew.values():
            process.terminate()
        for connection, process in crew.items():
            process.join()
            connection.close()


def _start(payload: bytes, number: int) -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=_work, args=(there, payload), name=f"isogloss-worker-{number}", daemon=True
    )
    process.start()
    there.close()
    logger.debug("started %s, process %s", process.name, process.pid)
    return here, process


def _send(connection: Connection, process: SpawnProcess, item: Any) -> None:
    try:
        connection.send(item)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise _death(process) from error


def _receive(connection: Connection, process: SpawnProcess) -> Any:
    try:
        succeeded, value = connection.recv()
    except (EOFError, ConnectionResetError) as error:
        raise _death(process) from error
    if succeeded:
        return value
    raise value


def _death(process: SpawnProcess) -> WorkerError:
    process.join(timeout=10)
    code = process.exitcode
    if code is not None and code < 0:
        how = f"was killed by signal {signal.Signals(-code).name}"
        hint = "if memory ran out, use fewer workers or smaller batches"
    else:
        how = f"ended with exit code {code}"
        hint = "a script that uses workers must start under `if __name__ == '__main__':`"
    return WorkerError(f"a worker process {how} before its work was done; {hint}.")


def _work(connection: Connection, payload: bytes) -> None:
    # Pickles travel only between a parent and the workers it started, over their own pipe.
    # Ctrl-C reaches the whole process group; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        function = None
        while message := connection.recv_bytes():
            try:
                function = function or pickle.loads(payload)
                answer = pickle.dumps((True, function(pickle.loads(message))))
            except Exception as error:
                error.add_note("".join(traceback.format_exception(error)))
                answer = _pickle_error(error)
            connection.send_bytes(answer)


def _pickle_error(error: Exception) -> bytes:
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)
    except Exception:
        text = f"{type(error).__name__} in a worker: {error}"
        answer = pickle.dumps((False, RuntimeError(text)))
    return answer
