"""What every script does first: logging to the rule's log and the terminal, and errors that fit one line."""

import logging
import sys
from types import TracebackType
from typing import Any

from microrank.errors import StudyError
from microrank.files import NO_PLACE


def start_job(snakemake: Any) -> logging.Logger:
    """Send log records to the rule's log file (all) and to stderr (short), and report an uncaught error as one line.

    The traceback of an error goes to the log file only. Returns the logger named after the rule.
    """
    log_path = str(snakemake.log[0])
    logging.raiseExceptions = (
        False  # a log that cannot be written must not drown the error that says why
    )
    try:
        to_file: logging.Handler = logging.FileHandler(log_path, mode="w", encoding="utf-8")
    except OSError as error:
        sys.exit(f"{snakemake.rule}: {_of_disk(error)}")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(logging.Formatter(f"{snakemake.rule}: %(message)s"))
    to_terminal.addFilter(lambda record: not getattr(record, "log_file_only", False))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    logging.captureWarnings(True)
    logger = logging.getLogger(snakemake.rule)

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        message = str(error)
        if issubclass(kind, KeyboardInterrupt):
            message = "stopped by hand; run again to go on"
        elif isinstance(error, OSError) and error.errno in NO_PLACE:
            message = _of_disk(error)
        elif _is_of_memory(error):
            message = f"not enough memory ({message or kind.__name__}); give the job more, or lower the settings of its stage, and run again"
        elif not isinstance(error, StudyError):
            message = (
                f"defect in microrank: {kind.__name__}: {error}; please report it with {log_path}"
            )
        logger.error("%s", " ".join(message.split()))
        logger.error("traceback", exc_info=(kind, error, trace), extra={"log_file_only": True})

    sys.excepthook = report
    return logger


def _is_of_memory(error: BaseException) -> bool:
    """Also torch's: it has a class for GPUs alone, and its name without the import."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def _of_disk(error: OSError) -> str:
    what_to_do = NO_PLACE.get(error.errno or 0, "mend that")
    return f"{error.filename or 'a file'}: cannot be written ({error.strerror}); {what_to_do} and run again"
