"""The data rules through the real command line: fetched once, split, and never touched again."""

import functools
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from commandline import copy_repository, run

PAIRS, TITLES = b"1\t10 20 30\r\n2\t20 10 40\r\n", b"10, ten\r\n20, \r\n30, thirty\r\n"
COUNTS = "results/mine/splits/counts.json"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL under which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_raw_files_are_fetched_split_and_left_alone_ever_after(
    site: tuple[Path, str], tmp_path: Path
) -> None:
    served, url = site
    (served / "titles.csv").write_bytes(TITLES)
    study = copy_repository(tmp_path / "study")
    mine = {
        "pairs": "resources/mine/pairs.tsv",
        "titles": "resources/mine/titles.csv",
        "url": url,
        "page": "https://example.org/data",
        "checksums": {"pairs.tsv": f"sha256:{hashlib.sha256(PAIRS).hexdigest()}"},
    }
    (study / "mine.yaml").write_text(yaml.safe_dump({"datasets": {"mine": mine}}))
    command = ("--configfile", "mine.yaml", "--", COUNTS)
    env = {"NO_PROXY": "127.0.0.1"}

    failed = run(study, "-k", *command, env=env)
    assert failed.returncode != 0
    by_hand = (
        "fetch pairs.tsv by hand from https://example.org/data, "
        "place it at resources/mine/pairs.tsv, and run again"
    )
    assert (
        f"fetch_microlens: {url}pairs.tsv: the server answers 404 File not found; {by_hand}"
        in failed.stdout
    )
    assert "Traceback" not in failed.stdout
    assert (study / mine["titles"]).read_bytes() == TITLES

    (served / "pairs.tsv").write_bytes(PAIRS)
    done = run(study, *command, env=env)
    assert done.returncode == 0, done.stdout
    counts = json.loads((study / COUNTS).read_text())
    assert (counts["users"], counts["items"], counts["interactions"]) == (2, 4, 6)
    assert counts["raw_files"][mine["pairs"]] == mine["checksums"]["pairs.tsv"]

    for path in served.iterdir():
        path.unlink()
    forced = run(study, "--forceall", *command, env=env)
    assert forced.returncode == 0, forced.stdout
    assert (study / mine["pairs"]).read_bytes() == PAIRS

    (study / mine["pairs"]).write_bytes(PAIRS[:-3])
    damaged = run(study, *command, env=env)
    assert damaged.returncode != 0
    assert "split_interactions: resources/mine/pairs.tsv: checksum is sha256:" in damaged.stdout
    assert "Traceback" not in damaged.stdout
