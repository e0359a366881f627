"""What checks of models found, and the page results/preflight.md that tells it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from microrank.errors import StudyError

HEAD = """\
# Preflight

One question of the study's own size to each model that `methods` use; its answer is not kept.
"""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """What one check of one model found; `to_do` where something is to be done."""

    check: str
    result: str
    to_do: str = ""


Check = Callable[[], Sequence[Finding]]


@dataclass(frozen=True)
class Checked:
    """One model's findings; `problem` where it cannot be asked."""

    name: str
    findings: Sequence[Finding]
    problem: str = ""

    @property
    def to_do(self) -> list[str]:
        """What is to be done, one line each."""
        return [f"{finding.check}: {finding.to_do}" for finding in self.findings if finding.to_do]

    @property
    def verdict(self) -> str:
        """In a few words, whether the model can be asked."""
        if self.problem:
            return "NOT READY"
        return "ready, but see below" if self.to_do else "ready"


def run_checks(checks: Mapping[str, Check]) -> list[Checked]:
    """Run every model's checks; one that fails does not keep the others from running.

    Args:
        checks: name → checks, which raise a StudyError where the model cannot be asked.
    """
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Check) -> Checked:
    try:
        checked = Checked(name, check())
    except StudyError as error:
        problem = str(error).removeprefix(f"{name}: ")
        checked = Checked(name, [Finding("can be asked", "no", problem)], problem)
    log.info("%s: %s", name, "; ".join([checked.verdict, *checked.to_do]))
    return checked


def preflight_page(models: Sequence[Checked]) -> str:
    """The findings in Markdown."""
    lines = [HEAD]
    for model in models:
        lines += [f"## {model.name}: {model.verdict}", "", "| check | result |", "|---|---|"]
        lines += [f"| {found.check} | {_cell(found.result)} |" for found in model.findings]
        to_do = [f"- {line}" for line in model.to_do]
        lines += ["", *(["To do:", "", *to_do, ""] if to_do else [])]
    if not models:
        lines.append("No method of the configuration asks a service.")
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
