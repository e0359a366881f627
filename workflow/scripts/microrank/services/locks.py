"""Whose turn it is to ask, among all jobs that share a store: locks on files in it, so that each question is asked once in all.

A lock ends with its process, killed or not, among workflows and among machines: nobody waits for the dead. What is left of a killed
job is an empty file, which the next one that asks the same takes over and deletes, or `store.py verify` does.
"""

import errno
import fcntl
import functools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from microrank.errors import StudyError
from microrank.services.store import Store

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
log = logging.getLogger(__name__)


class NoLocks(Exception):
    """The file system has none."""


def lock_of(store: Store, key: str) -> Path:
    """The lock file of a question, beside where its answer will be."""
    return store.path(key).with_name(f".{key}.lock")


@contextmanager
def hold(path: Path, *, waiting: str | None = None) -> Iterator[bool]:
    """Hold a lock while the block lasts; gives whether it is held.

    Args:
        waiting: what to log where another job has it; this one then waits for it to end. None: do not wait, give False.

    Raises:
        StudyError: the store cannot be written.
    """
    file = None
    try:
        file = _locked(path, waiting)
    except NoLocks:
        _say_that_there_are_no_locks(path.parent.parent)
        yield True
        return
    if file is None:
        yield False
        return
    with file:
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def wait_for(path: Path) -> None:
    """Wait until no job holds the lock; call it where Ctrl-C arrives, in the main thread."""
    try:
        with path.open() as file:
            take(file)
    except FileNotFoundError:
        return  # its holder is done


def opened(path: Path) -> TextIO:
    """A lock file, made where it is absent.

    Raises:
        StudyError: the store cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a")
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be written ({error.strerror}); mend the folder's rights or its disk, then run again"
        ) from error


def take(file: TextIO, *, wait: bool = True) -> bool:
    """Lock an open file; gives False where another job has it and this one is not to `wait`.

    Raises:
        NoLocks: there are none on this file system.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise NoLocks from error
    return True


def _locked(path: Path, waiting: str | None) -> TextIO | None:
    while True:
        file = opened(path)
        try:
            if not take(file, wait=False):
                if waiting is None:
                    file.close()
                    return None
                log.info("%s", waiting)
                take(file)
            if _is_there(path, file):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # its holder has deleted it meanwhile, and another job may have made a new one


def _is_there(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@functools.cache
def _say_that_there_are_no_locks(folder: Path) -> None:
    log.warning(
        "%s: this file system has no locks: jobs at the same time may ask, and pay for, the same question twice",
        folder,
    )
