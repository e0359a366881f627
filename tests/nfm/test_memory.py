"""A training does not ask the system for the same memory again at each step."""

import os
import subprocess
import sys

import pytest
from commandline import ROOT
from microrank.nfm import memory

COUNT = """
import resource
import torch
from microrank.nfm.memory import keep_freed_memory

if {keep}:
    keep_freed_memory()
for _ in range(20):  # until every block has its place
    torch.zeros(2**24).add_(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.zeros(2**24).add_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_asked_for(keep: bool) -> int:
    """Of 64 MiB, five times taken and freed."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(keep=keep)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_freed_memory_is_kept() -> None:
    assert pages_asked_for(keep=False) > 100, "else nothing is shown"
    assert pages_asked_for(keep=True) < pages_asked_for(keep=False) / 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory.keep_freed_memory()
