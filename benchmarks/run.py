"""All speed benchmarks, one after the other, as one table; also written to benchmarks/results.json.

    python benchmarks/run.py [SCRIPT ...]        # or: make bench

A script writes a list of {what, against, ratio, must, aim, share_of_peak, memory_mb, note}, absent
where it does not apply, or a mapping of named figures, which become rows of their own. Every ratio
says what it is against: `peer's form` (peer.py: the arithmetic of MicroLens's published code),
`naive form` (a plain way of our own to do the same), or what it is named. recommenders.py is about
quality and is run by itself.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SCRIPTS = (
    "training_step",
    "ranking",
    "busy_step",
    "splitting",
    "click_logs",
    "asking",
    "local_llm",
    "llama_cpp",
    "scoring",
    "startup",
    "whole_training",
)
COLUMNS = {
    "what": "",
    "against": "",
    "ratio": "{:.1f}×",
    "must": "{:g}×",
    "aim": "{:g}×",
    "share_of_peak": "{:.0%}",
    "memory_mb": "{:,.0f} MB",
    "note": "",
}


def run(script: str) -> list[dict[str, Any]]:
    """Run one script, its output to the terminal, and give its rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        subprocess.run([sys.executable, FOLDER / f"{script}.py", "--json", path], check=True)
        figures = json.loads(path.read_text())
    if isinstance(figures, list):
        return figures
    return [
        {"what": f"{script}: {name}"} | (value if isinstance(value, dict) else {"value": value})
        for name, value in figures.items()
    ]


def machine() -> str:
    """Processor, cores and versions."""
    models = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    cpu = models[0] if models else platform.processor()
    software = f"Python {platform.python_version()}, torch {version('torch')}"
    return f"{cpu}, {os.cpu_count()} cores, {software}"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown; figures without a column of their own join the note."""
    lines = [
        " | ".join(["", *(name.replace("_", " ") for name in COLUMNS), ""]).strip(),
        "|" + "---|" * len(COLUMNS),
    ]
    for row in rows:
        others = [
            f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in row.items()
            if name not in COLUMNS
        ]
        row["note"] = "; ".join([*([row["note"]] if row.get("note") else []), *others])
        cells = [
            (form.format(row[name]) if form else str(row[name]))
            if row.get(name) is not None
            else ""
            for name, form in COLUMNS.items()
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "scripts", nargs="*", default=[name for name in SCRIPTS if (FOLDER / f"{name}.py").exists()]
    )
    rows = [row for script in parser.parse_args().scripts for row in run(script)]
    results = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "rows": rows,
    }
    (FOLDER / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(f"\n{results['machine']}, {results['date']}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
