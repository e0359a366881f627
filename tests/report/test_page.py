"""The page in a real browser."""

import html
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; apt-get install chromium")

# Runs after the page's own script; what it finds is left as the document's title.
DRIVER = """
const at = (id) => document.getElementById(id);
const found = { titleBefore: document.title, users: at('pick-user').options.length, images: document.images.length };
found.chips = [...at('chips').querySelectorAll('button')].map((chip) => chip.textContent);
const listed = () => [...at('user').querySelectorAll('.lists .list')].map((list) => list.querySelectorAll('li').length);
found.lists = listed();
found.truths = at('user').querySelectorAll('.lists li.truth').length;
at('chips').querySelectorAll('button')[1].click();
found.first = at('user').querySelectorAll('.lists .list')[1].querySelector('li').className;
at('next').click(); at('next').click();
found.user = at('pick-user').value;
[...at('chips').querySelectorAll('button')].at(-1).click();
found.details = at('user').querySelectorAll('details').length;
found.raw = at('user').querySelector('details pre:last-of-type').textContent.slice(0, 40);
at('pick-filter').value = 'better';
at('pick-filter').dispatchEvent(new Event('change'));
found.better = at('pick-user').options.length;
found.wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
const out = document.createElement('pre'); out.id = 'found'; out.textContent = JSON.stringify(found); document.body.append(out);
"""


@pytest.fixture(scope="module")
def found(report, tmp_path_factory) -> dict:
    """What the driver saw on a phone's width; its script needs a policy of its own, so the page's is taken out of this copy."""
    import json

    folder = tmp_path_factory.mktemp("page")
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report.page)
    (folder / "page.html").write_text(page.replace("</body>", f"<script>{DRIVER}</script></body>"))
    dump = _dom(folder, "page.html")
    told = re.search(r'<pre id="found">(.*?)</pre>', dump, re.DOTALL)
    assert told, dump[-2000:]
    return json.loads(html.unescape(told.group(1)))


def _dom(folder, name) -> str:
    command = [
        str(CHROMIUM),
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        "--window-size=500,900",
        "--dump-dom",
        f"file://{folder / name}",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_titles_with_script_tags_stay_text(found) -> None:
    assert found["titleBefore"] == "Can a language model improve the recommender's list?"
    assert found["images"] == 0
    assert found["raw"].startswith("raw answer </script><script>")


def test_the_explorer_shows_lists_before_and_after_with_the_ground_truth_marked(found) -> None:
    assert found["users"] == 10
    assert found["lists"] == [20, 20]
    assert found["truths"] == 2
    assert found["first"] == "truth", "the perfect ranker has the hidden item first"


def test_buttons_step_through_users_and_methods_and_the_filter_narrows(found) -> None:
    assert found["user"] == "30"
    assert found["chips"][0].startswith("NFM")
    assert found["details"] == 1
    assert 0 < found["better"] < 10


def test_the_page_is_no_wider_than_a_phone(found) -> None:
    assert not found["wide"]


def test_the_pages_own_policy_lets_its_script_run(report, tmp_path) -> None:
    (tmp_path / "page.html").write_text(report.page)
    assert re.search(r'<li class="truth"', _dom(tmp_path, "page.html"))
