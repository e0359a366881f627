"""What stands last on the terminal: the verdict of a run, or the line that says why it failed."""

import atexit
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

# As `start_job` writes them; the traceback follows in an entry of its own.
ERROR = re.compile(r"^\S+ \S+ ERROR (?!traceback$)(.+)$", re.MULTILINE)


def say_last(lines: Sequence[str]) -> None:
    """Print these lines when the process ends, after all that Snakemake itself has to say."""
    if lines:
        atexit.register(print, "", *lines, sep="\n", file=sys.stderr, flush=True)


def verdict(report: Path) -> list[str]:
    """The report's first paragraph and its notices, without stars; nothing where it is absent.

    Args:
        report: In Markdown; where the same lies beside it as a page, that is the one to open.
    """
    if not report.is_file():
        return []
    head = report.read_text(encoding="utf-8").split("\n## ", maxsplit=1)[0]
    paragraphs = head.split("\n\n")[1:]
    notices = [text.removeprefix("> ") for text in paragraphs[1:] if text.startswith("> ")]
    said = [text.replace("**", "").strip() for text in (*paragraphs[:1], *notices)]
    page = report.with_suffix(".html")
    return [*said, f"Open {page if page.is_file() else report}"]


def failures(jobs: Iterable[Any]) -> list[str]:
    """The line of each failed job that says what is wrong.

    Args:
        jobs: Snakemake's, each with a rule and its logs.
    """
    return sorted({_failure(job.rule.name, list(map(str, job.log))) for job in jobs})


def _failure(rule: str, logs: Sequence[str]) -> str:
    errors = [error for log in logs for error in ERROR.findall(_text(Path(log)))]
    where = logs[0] if logs else "Snakemake's log"
    silent = f"ended without a word, as what is killed does; {where} says how far it came"
    return f"{rule}: {errors[-1] if errors else silent}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
