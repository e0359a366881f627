"""The sample study through real SLURM daemons: two nodes on this machine, a job killed half way, and the local run's bytes."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import REPORT, ROOT, SMALL, SNAKEMAKE, contents, copy_repository, edit_config, run

pytestmark = pytest.mark.slurm
# A cluster so near answers at once; the profile's own waits suit a real one.
NEAR = [
    "--slurm-init-seconds-before-status-checks",
    "1",
    "--seconds-between-status-checks",
    "1",
    "--latency-wait",
    "5",
    "--slurm-no-account",
]
SMALL_JOBS = ["--default-resources", "slurm_partition=main", "mem_mb=300", "runtime=5", "--set-resources", "train_nfm:mem_mb=1000"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[None]:
    if not shutil.which("slurmctld") or os.geteuid() != 0:
        pytest.skip("needs slurmctld, slurmd, slurm-client and munge, and root")
    script = str(ROOT / "tests/slurm/cluster.sh")
    try:
        subprocess.run([script, "up", str(tmp_path / "cluster")], check=True, timeout=60)
        yield
    finally:
        subprocess.run([script, "down", str(tmp_path / "cluster")], check=True, timeout=60)


def test_the_study_on_slurm_survives_a_killed_job_and_ends_with_the_local_runs_bytes(cluster: None, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
        copy_repository(folder)
        edit_config(folder, SMALL)
    local = run(folders[0], REPORT)
    assert local.returncode == 0, local.stdout

    output = tmp_path / "slurm.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*SNAKEMAKE, REPORT, "--profile", "profiles/slurm", "--jobs", "4", *NEAR, *SMALL_JOBS], cwd=folders[1], stdout=file, stderr=file
        )
    try:
        _kill_job(folders[1] / "results/sample/logs/train_nfm.log", process, output)
        assert process.wait(timeout=900) == 0, output.read_text()
    finally:
        process.kill()
    assert "Trying to restart job" in output.read_text()
    assert contents(folders[1]) == contents(folders[0])


def _kill_job(log: Path, process: subprocess.Popen, output: Path) -> None:
    """Kill, without warning, the processes of the job that writes `log`, as a lost node would."""
    end = time.monotonic() + 300
    while not log.exists():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < end, f"{log} did not appear"
        time.sleep(0.05)
    rule = log.stem
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f".{rule}.py" in command and str(log.parents[3]) in command:
                os.kill(int(entry.name), signal.SIGKILL)
