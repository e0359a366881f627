"""SmolLM2's prompt tokens a second in this process, against llama.cpp's engine with its GGUF file.

    python benchmarks/llama_cpp.py [--json PATH] [--users N] [--times N]

Needs Node.js, node-llama-cpp under .venv/llama-cpp (`make bench` installs it where npm is), and the
model, which `snakemake resources/models/smollm2` makes. Both sides read the same token ids in turn
with as many threads: ours in float32 and all prompts together, llama.cpp one prompt after the
other in the packaged four bits. Threads wait, so the clock is counted: let nothing else run.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import torch
from local_llm import bodies, sample_users
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.first_token import first_token_question
from microrank.local_llm.model import load_model
from microrank.local_llm.rows import Row
from microrank.local_llm.weights import PACKAGED_GGUF

ROOT = Path(__file__).parent.parent
NODE_FOLDER = ROOT / ".venv/llama-cpp"
THREADS = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, default=ROOT / "resources/models/smollm2")
    parser.add_argument("--gguf", type=Path, default=ROOT / PACKAGED_GGUF)
    parser.add_argument("--node-folder", type=Path, default=NODE_FOLDER)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    absent = what_is_absent(chosen.folder, chosen.gguf, chosen.node_folder)
    row = (
        {"what": "SmolLM2's prompt tokens a second", "note": f"not measured: {absent} is absent"}
        if absent
        else against_llama_cpp(chosen)
    )
    ratio = f"{row['ratio']:.1f}x (at least {row['must']}x); " if "ratio" in row else ""
    print(f"{row['what']}: {ratio}{row['note']}")
    if chosen.json:
        chosen.json.write_text(json.dumps([row]) + "\n")


def what_is_absent(folder: Path, gguf: Path, node_folder: Path) -> str | None:
    """The first thing that the comparison needs and does not find."""
    if not shutil.which("node"):
        return "Node.js"
    if not (node_folder / "node_modules/node-llama-cpp").is_dir():
        return f"node-llama-cpp in {node_folder}"
    return next((str(path) for path in (folder, gguf) if not path.exists()), None)


def against_llama_cpp(chosen: argparse.Namespace) -> dict[str, Any]:
    """Both sides in turn; each one's median."""
    torch.set_num_threads(THREADS)
    local = load_model(chosen.folder, "bench", device="cpu", dtype="float32")
    asked = bodies("first-token", "first-token", sample_users(chosen.users))
    rows = [first_token_question(local, body["messages"], body["n_labels"]) for body in asked]
    prompts = [local.encode_chat(body["messages"]) for body in asked]
    tokens = sum(map(len, prompts))
    log_probabilities(local, rows[:1])
    ours, theirs = [], []
    for _ in range(chosen.times):
        ours.append(tokens / our_seconds(local, rows))
        theirs.append(tokens / their_seconds(prompts, chosen.gguf, chosen.node_folder))
    return {
        "what": "SmolLM2's prompt tokens a second",
        "against": "llama.cpp's engine",
        "ratio": median(ours) / median(theirs),
        "must": 1.5,
        "aim": 2.5,
        "note": f"{len(prompts)} prompts of {tokens:,} tokens, {THREADS} threads, medians of "
        f"{chosen.times}: {median(ours):.0f} in float32 and {median(theirs):.0f} tokens a second",
    }


def our_seconds(local: Any, rows: list[Row]) -> float:
    """The clock's seconds to read all prompts in this process."""
    began = time.perf_counter()
    log_probabilities(local, rows)
    return time.perf_counter() - began


def their_seconds(prompts: list[list[int]], gguf: Path, node_folder: Path) -> float:
    """The clock's seconds that llama.cpp's engine needs for the prompts, its start not counted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.json"
        path.write_text(json.dumps(prompts))
        # Node.js looks for packages beside the script.
        script = node_folder / "llama_cpp.mjs"
        shutil.copy(Path(__file__).with_suffix(".mjs"), script)
        command = ["node", script, gguf, path, str(THREADS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"]


if __name__ == "__main__":
    main()
