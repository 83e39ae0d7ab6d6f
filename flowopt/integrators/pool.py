"""Deal the pieces of an ensemble out to threads, or to an executor."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed, wait
from typing import Any

from flowopt import _check

Piece = tuple[int, int]


def checked(threads: Any, executor: Any, field: Any) -> int:
    """Return the number of workers; refuse an executor that is none or cannot have the field."""
    if executor is None:
        return os.cpu_count() or 1 if threads is None else _check.integer("threads", threads,
                                                                         at_least=1)
    if not isinstance(executor, Executor):
        raise TypeError("executor must be a concurrent.futures executor such as "
                        f"ThreadPoolExecutor(4), got {_check.shown(executor)}")
    if threads is not None:
        raise ValueError("threads has no effect when executor is given, which has its own number "
                         "of workers; leave one of them out")
    if not shares_memory(executor):
        if field.is_kernel:
            raise ValueError(f"executor must be a ThreadPoolExecutor for {field.name}, which is "
                             "made of kernels: their machine code cannot be sent to another "
                             "process")
        try:
            pickle.dumps(field)
        except Exception as error:
            raise ValueError(f"executor must be a ThreadPoolExecutor: {field.name} cannot be sent "
                             f"to another process ({type(error).__name__}: {error})"[:250]
                             ) from None
    return int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)


def shares_memory(executor: Executor) -> bool:
    """Return whether the workers are threads of this process."""
    return isinstance(executor, ThreadPoolExecutor)


def here(pieces: Sequence[Piece], work: Callable[[Piece], None], cancel: Callable[[], None],
         threads: int, executor: Executor | None, progress: bool) -> None:
    """Do all pieces in this process; Ctrl-C cancels those that have not ended."""
    bar = _Bar(pieces, progress)
    try:
        if executor is None and (threads == 1 or len(pieces) == 1):
            for piece in pieces:
                work(piece)
                bar.add(piece)
            return
        own = ThreadPoolExecutor(threads) if executor is None else None
        pool = own or executor
        assert pool is not None
        futures: dict[Future[Any], Piece] = {}
        try:
            for piece in pieces:
                futures[pool.submit(work, piece)] = piece
            for future in as_completed(futures):
                future.result()
                bar.add(futures[future])
        except BaseException:
            cancel()
            for future in futures:
                future.cancel()
            wait(futures)
            raise
        finally:
            if own is not None:
                own.shutdown()
    except KeyboardInterrupt:
        cancel()
    finally:
        bar.close()


def away(pieces: Sequence[Piece], task: Callable[[Piece], Any], work: Callable[[Any], Any],
         take: Callable[[Piece, Any], None], executor: Executor, progress: bool) -> None:
    """Do all pieces in other processes; Ctrl-C keeps those that have ended."""
    bar = _Bar(pieces, progress)
    futures: dict[Future[Any], Piece] = {}
    taken = set()
    try:
        for piece in pieces:
            futures[executor.submit(work, task(piece))] = piece
        for future in as_completed(futures):
            take(futures[future], future.result())
            taken.add(future)
            bar.add(futures[future])
    except BaseException as error:
        for future in futures:
            future.cancel()
        if not isinstance(error, KeyboardInterrupt):
            raise
        for future in set(futures) - taken:
            if future.done() and not future.cancelled() and future.exception() is None:
                take(futures[future], future.result())
    finally:
        bar.close()


class _Bar:
    """A progress bar, or none."""

    def __init__(self, pieces: Sequence[Piece], shown: bool) -> None:
        self.bar: Any = None
        if shown:
            from tqdm import tqdm

            self.bar = tqdm(total=pieces[-1][1], unit="run", unit_scale=True)

    def add(self, piece: Piece) -> None:
        if self.bar is not None:
            self.bar.update(piece[1] - piece[0])

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
