"""What asking costs beyond the service's own time, and the speed of the store.

Ratios are against a local server with a set delay.

    python benchmarks/asking.py [--json PATH]

The one-at-a-time loop is measured on a part of the questions and scaled up, since it would take
minutes.
"""

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.settings import Service
from microrank.services.store import Entry, Store

Row = dict[str, Any]

STORE_COMMAND = Path(__file__).parent.parent / "workflow/scripts/store.py"
QUESTIONS, DELAY_S, CONCURRENCY, LOOP_QUESTIONS = 1000, 0.2, 16, 40
CACHED, MANY = 10_000, 100_000
# The peak of the process itself, which Linux counts from its start. A child's rusage begins with
# its parent's.
WATCH = f"""
try:
    runpy.run_path({str(STORE_COMMAND)!r}, run_name="__main__")
except SystemExit:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
ANSWER = json.dumps(
    {
        "model": "m",
        "choices": [
            {
                "message": {"role": "assistant", "content": ", ".join(map(str, range(20)))},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 700, "completion_tokens": 60},
    }
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            asking(Path(folder) / "asked"),
            *cached(Path(folder) / "cached"),
            statistics(Path(folder) / "many"),
        ]
    for row in rows:
        ratio = f"{row['ratio']:.1f}x (at least {row['must']}x); " if "ratio" in row else ""
        print(f"{row['what']}: {ratio}{row['note']}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def asking(folder: Path) -> Row:
    """1,000 questions of 200 ms, 16 at a time, against the ideal and against one at a time."""
    with _Server() as base_url:
        settings = ChatSettings(model="m", base_url=base_url)
        service = Service("llms.bench", base_url, concurrency=CONCURRENCY)
        asked = _questions(settings, QUESTIONS)
        session = requests.Session()
        started = time.perf_counter()
        for request in list(asked.values())[:LOOP_QUESTIONS]:
            session.post(f"{base_url}/chat/completions", json=request["body"]).raise_for_status()
        loop_s = (time.perf_counter() - started) * QUESTIONS / LOOP_QUESTIONS
        started = time.perf_counter()
        ask_chat(asked, service, Store(folder))
        took_s = time.perf_counter() - started
    ideal_s = QUESTIONS * DELAY_S / CONCURRENCY
    return {
        "what": f"asking {QUESTIONS:,} questions of {DELAY_S:g} s, {CONCURRENCY} at a time, "
        "against one at a time",
        "against": "naive form",
        "ratio": loop_s / took_s,
        "must": 14,
        "note": f"{took_s:.1f} s, {took_s / ideal_s:.3f} of the ideal (at most 1.10); "
        f"the loop was measured on {LOOP_QUESTIONS} questions",
    }


def cached(folder: Path) -> list[Row]:
    """Keep 10,000 answers: the cost of each, and of a run from the store without a server."""
    store, asked = (
        Store(folder),
        _questions(ChatSettings(model="m", base_url="http://127.0.0.1:9/v1"), CACHED),
    )
    started = time.perf_counter()
    for request in asked.values():
        store.put(Entry(request, ANSWER, usage={"prompt_tokens": 700, "completion_tokens": 60}))
    put_s = time.perf_counter() - started
    started = time.perf_counter()
    ask_chat(asked, Service("llms.bench", "http://127.0.0.1:9/v1", max_tries=1), store)
    get_s = time.perf_counter() - started
    return [
        {
            "what": "keeping one answer in the store, and finding it again",
            "note": f"{1e3 * put_s / CACHED:.2f} ms and {1e3 * get_s / CACHED:.2f} ms "
            "(together at most 3)",
        },
        {
            "what": f"a run of {CACHED:,} kept answers",
            "note": f"{get_s:.2f} s (at most 5), no connection opened",
        },
    ]


def statistics(folder: Path) -> Row:
    """Statistics of 100,000 entries by the command line, in a process of its own."""
    store = Store(folder)
    # Only to make the entries sooner.
    store._write = _write_without_sync  # type: ignore[method-assign]
    for request in _questions(
        ChatSettings(model="m", base_url="http://127.0.0.1:9/v1"), MANY
    ).values():
        store.put(Entry(request, ANSWER, usage={"prompt_tokens": 700, "completion_tokens": 60}))
    started = time.perf_counter()
    command = ["store.py", "--store", str(folder), "statistics"]
    watched = (
        f"import runpy, sys; sys.path.insert(0, {str(STORE_COMMAND.parent)!r}); "
        f"sys.argv = {command}\n{WATCH}"
    )
    printed = subprocess.run(
        [sys.executable, "-c", watched], check=True, capture_output=True, text=True
    ).stdout
    took_s = time.perf_counter() - started
    memory_mb = int(printed.split()[-2]) / 1024
    return {
        "what": f"statistics of a store of {MANY:,} answers",
        "memory_mb": memory_mb,
        "note": f"{took_s:.1f} s (at most 10), {memory_mb:.0f} MB (at most 500)",
    }


def _write_without_sync(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _questions(settings: ChatSettings, number: int) -> dict[str, dict]:
    """Questions as long as the study's: ten history titles and twenty candidates."""
    titles = "\n".join(
        f"{n}. a title of about sixty letters, as people write them there" for n in range(30)
    )
    return {
        f"user {n}": settings.request([{"role": "user", "content": f"user {n}\n{titles}"}], 0)
        for n in range(number)
    }


class _Server:
    """A server in a process of its own; it answers every POST after the delay, all at once."""

    def __enter__(self) -> str:
        here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(there,), daemon=True
        )
        self._process.start()
        return f"http://127.0.0.1:{here.recv()}/v1"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                await asyncio.sleep(DELAY_S)
                writer.write(
                    (
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(ANSWER)}\r\n\r\n{ANSWER}"
                    ).encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
