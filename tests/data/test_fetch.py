"""Downloads from a real server on 127.0.0.1 that breaks, cuts, lies and changes its mind."""

import hashlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from microrank.data.fetch import Patience, fetch
from microrank.errors import StudyError

CONTENT = bytes(range(256)) * 400
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
PAGE = "https://example.org/data"
HASTY = Patience(tries=3, first_wait_s=0.001, longest_wait_s=0.002, timeout_s=(2.0, 0.3))

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each request by the next of the server's scripted answers; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.ranges.append(self.headers.get("Range"))
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        self.close_connection = True
        answer(self)

    def log_message(self, *_: object) -> None:
        pass

    def answer(
        self, status: int, body: bytes = b"", length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def whole(content: bytes = CONTENT, etag: str = '"one"', cut: int | None = None) -> Answer:
    """A server that knows ranges; the connection breaks after `cut` bytes of the body."""

    def answer(request: Handler) -> None:
        start = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        same = request.headers.get("If-Range", etag) == etag
        if start and same:
            at = int(start[1])
            if at >= len(content):
                request.answer(416, Content_Range=f"bytes */{len(content)}")
            else:
                span = f"bytes {at}-{len(content) - 1}/{len(content)}"
                request.answer(
                    206, content[at:][:cut], len(content) - at, Content_Range=span, ETag=etag
                )
        else:
            request.answer(200, content[:cut], len(content), ETag=etag)

    return answer


def ignores_ranges(content: bytes = CONTENT, cut: int | None = None) -> Answer:
    return lambda request: request.answer(200, content[:cut], len(content))


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda request: request.answer(code, body, **headers)


def hangs(request: Handler) -> None:
    request.server.stopping.wait(10)


def hangs_half_way(request: Handler) -> None:
    request.answer(200, CONTENT[:1000], len(CONTENT))
    request.wfile.flush()
    hangs(request)


def cut_without_length(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"64\r\n" + CONTENT[:100] + b"\r\n400\r\nxx")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.ranges: list[str | None] = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def handle_error(self, *_: object) -> None:
        pass

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/pairs.tsv"

    def will(self, *answers: Answer) -> str:
        self.answers, self.ranges = list(answers), []
        return self.url


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    os.environ["NO_PROXY"] = "127.0.0.1"
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.stopping.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "resources" / "mine" / "pairs.tsv"


def refusal(url: str, target: Path, **options: object) -> str:
    with pytest.raises(StudyError) as error:
        fetch(target, url, page=PAGE, patience=HASTY, **options)
    assert not target.exists()
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(f"{url}: ")
    assert said.endswith(
        f"; fetch pairs.tsv by hand from {PAGE}, place it at {target}, and run again"
    )
    return said


def leavings(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


@pytest.mark.parametrize("checksum", [CHECKSUM, None], ids=["checksum", "no checksum"])
def test_a_file_is_fetched_and_nothing_else_is_left(
    server: Server, target: Path, checksum: str | None
) -> None:
    fetch(target, server.will(whole()), checksum=checksum)
    assert target.read_bytes() == CONTENT
    assert leavings(target) == {"pairs.tsv"}


def test_a_file_that_is_there_is_left_alone(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    fetch(target, server.will(whole()), checksum=CHECKSUM)
    assert target.read_text() == "mine"
    assert server.ranges == []


def test_a_broken_download_goes_on_where_it_broke(server: Server, target: Path) -> None:
    fetch(
        target,
        server.will(whole(cut=1000), whole(cut=5000), status(503), whole()),
        checksum=CHECKSUM,
        patience=HASTY,
    )
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-", "bytes=6000-", "bytes=6000-"]


def test_progress_renews_patience(server: Server, target: Path) -> None:
    fetch(
        target,
        server.will(*[whole(cut=len(CONTENT) // 10)] * 9, whole()),
        checksum=CHECKSUM,
        patience=HASTY,
    )
    assert target.read_bytes() == CONTENT


def test_the_next_run_resumes_what_the_last_one_left(server: Server, target: Path) -> None:
    refusal(server.will(whole(cut=1000), status(500)), target)
    assert leavings(target) == {"pairs.tsv.part", "pairs.tsv.part.version"}
    fetch(target, server.will(whole()))
    assert target.read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]
    assert leavings(target) == {"pairs.tsv"}


def test_a_part_of_another_version_is_not_continued(server: Server, target: Path) -> None:
    refusal(server.will(whole(cut=1000), status(500)), target)
    newer = CONTENT[::-1]
    fetch(target, server.will(whole(newer, etag='"two"')))
    assert target.read_bytes() == newer


def test_a_part_whose_version_nothing_tells_is_fetched_anew(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("pairs.tsv.part").write_bytes(b"?" * 1000)
    fetch(target, server.will(whole()))
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None]


def test_a_wrong_part_is_found_by_the_checksum_and_fetched_anew(
    server: Server, target: Path
) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("pairs.tsv.part").write_bytes(b"?" * 1000)
    fetch(target, server.will(whole()), checksum=CHECKSUM, patience=HASTY)
    assert target.read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-", None]


@pytest.mark.parametrize("length", [len(CONTENT), len(CONTENT) + 7], ids=["whole", "too long"])
def test_a_part_that_lacks_nothing_is_settled_by_the_servers_416(
    server: Server, target: Path, length: int
) -> None:
    target.parent.mkdir(parents=True)
    target.with_name("pairs.tsv.part").write_bytes((CONTENT + b"1234567")[:length])
    fetch(target, server.will(whole()), checksum=CHECKSUM, patience=HASTY)
    assert target.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: Server, target: Path) -> None:
    fetch(
        target,
        server.will(ignores_ranges(cut=1000), ignores_ranges()),
        checksum=CHECKSUM,
        patience=HASTY,
    )
    assert target.read_bytes() == CONTENT


def test_a_server_that_sends_another_range_is_not_trusted(server: Server, target: Path) -> None:
    another = status(
        206, CONTENT[500:-500], Content_Range=f"bytes 500-{len(CONTENT) - 501}/{len(CONTENT)}"
    )
    fetch(target, server.will(whole(cut=1000), another, whole()), patience=HASTY)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-", None]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([status(404)], "the server answers 404 Not Found"),
        ([status(403)], "the server answers 403"),
        ([status(503)], r"the server answers 503 .*\(3 tries in a row\)"),
        (
            [status(200, b"<html>log in</html>", Content_Type="text/html; charset=utf-8")],
            "a web page instead of the file",
        ),
        ([status(200)], "the server sent 0 of unknown bytes"),
        (
            [ignores_ranges(cut=1000)],
            r"no whole answer \(the connection broke\) \(3 tries in a row\)",
        ),
        ([cut_without_length], r"the connection broke\) \(3 tries in a row\)"),
        ([hangs], r"the server is silent\) \(3 tries in a row\)"),
        ([hangs_half_way], r"the server is silent\) \(3 tries in a row\)"),
    ],
    ids=["404", "403", "503", "page", "empty", "cut", "cut chunk", "hangs", "hangs half way"],
)
def test_what_is_no_file_ends_with_the_page_and_the_place(
    server: Server, target: Path, answers: list[Answer], says: str
) -> None:
    assert re.search(says, refusal(server.will(*answers), target))


def test_a_length_that_is_too_small_cuts_the_file_and_the_checksum_tells(
    server: Server, target: Path
) -> None:
    said = refusal(
        server.will(lambda request: request.answer(200, CONTENT, 1000)), target, checksum=CHECKSUM
    )
    cut = hashlib.sha256(CONTENT[:1000]).hexdigest()
    assert f"the file there has checksum sha256:{cut} where {CHECKSUM} is declared" in said
    assert "remove its line from `checksums` in config.yaml" in said
    assert leavings(target) == set()


def test_nobody_at_home_is_told(target: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        said = refusal(f"http://127.0.0.1:{unused.getsockname()[1]}/pairs.tsv", target)
    assert "connection refused" in said


def test_a_name_that_leads_nowhere_is_told(target: Path) -> None:
    assert "its name cannot be resolved" in refusal("http://nowhere.invalid/pairs.tsv", target)


def test_a_full_disk_is_told(server: Server, target: Path, monkeypatch) -> None:
    monkeypatch.setattr("microrank.data.fetch._copy", _no_space)
    with pytest.raises(
        StudyError,
        match=r"pairs\.tsv\.part: cannot be written \(No space left on device\); make room, or ",
    ):
        fetch(target, server.will(whole()))


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_server_that_continues_another_version_is_not_trusted(
    server: Server, target: Path
) -> None:
    """It sends the range that was asked for, whatever version the request wants continued."""
    newer = CONTENT[::-1]
    rest = status(
        206,
        newer[1000:],
        Content_Range=f"bytes 1000-{len(newer) - 1}/{len(newer)}",
        ETag='"two"',
    )
    fetch(target, server.will(whole(cut=1000), rest, whole(newer, etag='"two"')), patience=HASTY)
    assert target.read_bytes() == newer
    assert server.ranges == [None, "bytes=1000-", None]


@given(
    st.lists(
        st.sampled_from(
            ["cut", "nothing", "503", "416", "ignores", "other range", "newer", "older"]
        ),
        max_size=8,
    ),
    st.booleans(),
)
@example(faults=["newer"] * 6, has_checksum=False)
@settings(max_examples=40)
def test_whatever_happens_the_file_is_whole_or_absent(
    server: Server, tmp_path_factory, faults: list[str], has_checksum: bool
) -> None:
    """Without a checksum, the newer version is as good as the older one, but never a mixture."""
    newer = CONTENT[::-1] + b"newer"
    answer = {
        "cut": whole(cut=30_000),
        "nothing": whole(cut=0),
        "503": status(503),
        "416": status(416),
        "ignores": ignores_ranges(cut=50_000),
        "other range": status(206, b"?" * 99, Content_Range="bytes 1-99/102400"),
        "newer": whole(newer, etag='"two"', cut=20_000),
        "older": whole(cut=10),
    }
    target = tmp_path_factory.mktemp("fetch") / "pairs.tsv"
    try:
        fetch(
            target,
            server.will(*(answer[fault] for fault in faults), whole()),
            checksum=CHECKSUM if has_checksum else None,
            patience=HASTY,
        )
    except StudyError:
        assert not target.exists()
        fetch(
            target,
            server.will(whole()),
            checksum=CHECKSUM if has_checksum else None,
            patience=HASTY,
        )
    wanted = [CONTENT] if has_checksum else [CONTENT, newer]
    assert target.read_bytes() in wanted
