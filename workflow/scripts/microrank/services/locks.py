"""Locks on files in the store, so that each question is asked once by all jobs that share it.

A lock ends with its process, killed or not, and holds among workflows and machines. A killed job
leaves an empty file, which the next job that asks the same question takes over and deletes;
`store.py verify` deletes it, too.
"""

import errno
import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from microrank.errors import StudyError
from microrank.services.store import Store

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
log = logging.getLogger(__name__)


class NoLocks(Exception):
    """The file system has no locks."""


def lock_of(store: Store, key: str) -> Path:
    """The lock file of a question, beside where its answer will be."""
    return store.path(key).with_name(f".{key}.lock")


@contextmanager
def hold(path: Path, *, waiting: str | None = None) -> Iterator[bool]:
    """Hold a lock while the block lasts, and delete its file at the end.

    Args:
        path: the lock file; it is made where it is absent.
        waiting: what to log where another job holds the lock; this job then waits for it.
            None: it does not wait.

    Yields:
        Whether the lock is held. It also counts as held where the file system has no locks.

    Raises:
        StudyError: the store cannot be written.
    """
    try:
        lock = acquire(path, waiting=waiting)
    except NoLocks:
        _warn_of_no_locks(path.parent.parent)
        yield True
        return
    if lock is None:
        yield False
        return
    try:
        yield True
    finally:
        # Deleted while it is locked: whoever waits for this file then notices that it is gone.
        path.unlink(missing_ok=True)
        lock.release()


def wait_for(path: Path) -> None:
    """Wait until no job holds the lock. In the main thread Ctrl-C ends the wait."""
    if path.exists():
        with hold(path, waiting=""):
            pass


def acquire(path: Path, *, waiting: str | None = None) -> FileLock | None:
    """Lock a file, which is made where it is absent; None where another job holds the lock.

    Args:
        path: the lock file.
        waiting: what to log before waiting for another job, if anything. None: do not wait.

    Raises:
        NoLocks: the file system has no locks.
        StudyError: the store cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # No soft lock: a file whose mere presence is the lock would outlive a killed job.
        lock = FileLock(path, fallback_to_soft=False, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if waiting is None:
                return None
            if waiting:
                log.info("%s", waiting)
            lock.acquire()
        return lock
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocks from error
        raise StudyError(
            f"{path}: cannot be written ({error.strerror}); "
            "mend the folder's rights or its disk, then run again"
        ) from error


@functools.cache
def _warn_of_no_locks(folder: Path) -> None:
    log.warning(
        "%s: this file system has no locks: "
        "jobs at the same time may ask, and pay for, the same question twice",
        folder,
    )
