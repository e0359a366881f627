"""The page in a real browser: read, used by keyboard, on a phone, in the dark, printed."""

import io
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest
from report.browser import CHROMIUM, Browser, chromium

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium on this machine; apt-get install chromium"
)

DESK, PHONE = (1200, 900), (375, 800)
TITLE = "Can a language model improve the recommender's list?"
FOCUSED = """(({ id, value, textContent }) => id || value || textContent)(document.activeElement)"""

# Of every element with text of its own: contrast by WCAG 2.2 of its colour with what lies behind
# it.
CONTRASTS = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) =>
    top.slice(0, 3).map((value, i) => value * top[3] + below[i] * (1 - top[3]));
  const behind = (node) => {
    const own = rgba(getComputedStyle(node).backgroundColor);
    if (own[3] === 1) return own.slice(0, 3);
    return over(own, node.parentElement ? behind(node.parentElement) : rgba("Canvas"));
  };
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (colour) => colour.map((value) => linear(value / 255))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll("body *")].filter((node) =>
    node.checkVisibility() && !node.closest("noscript, script") &&
    [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())).map((node) => {
    const style = getComputedStyle(node), ground = behind(node);
    const colour = rgba(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(over(colour, ground)), light(ground)].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), node.textContent.slice(0, 40)];
  });
})()"""


@pytest.fixture(scope="module")
def page(report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(report.page)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser")) as one:
        yield one


def tab_to(browser: Browser, element: str, limit: int = 60) -> int:
    """Press Tab until the element with that id (or value) has the focus; how often it took."""
    for presses in range(1, limit + 1):
        browser.press("Tab")
        if browser.run(FOCUSED) == element:
            return presses
    raise AssertionError(f"{limit} tabs do not reach {element}")


def test_titles_and_answers_with_script_tags_stay_text_and_the_policy_lets_the_pages_own_script_run(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    assert browser.errors == []
    assert browser.run("document.title") == TITLE
    assert browser.run("document.images.length") == 0
    assert browser.run("document.querySelectorAll('.lists li.truth').length") == 2
    browser.run("document.querySelector('#methods [value=llama]').click()")
    assert browser.run(
        "document.querySelector('#user details pre:last-of-type').textContent"
    ).startswith("raw answer </script><script>")
    assert browser.run("document.title") == TITLE


def test_nothing_outside_is_asked_for(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page)
    browser.run("document.getElementById('next').click()")
    browser.print()
    assert [url for url in browser.requests if not url.startswith("data:")] == [page.as_uri()]
    (tmp_path / "asks.html").write_text('<img src="http://127.0.0.1:9/pixel.png">')
    browser.open(tmp_path / "asks.html")
    assert "http://127.0.0.1:9/pixel.png" in browser.requests, "else the check above sees nothing"


def test_no_script_but_the_pages_own_may_run(browser: Browser, page: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        page.read_text().replace("</main>", "<script>document.title = 'broken'</script></main>")
    )
    browser.open(tmp_path / "page.html")
    assert browser.run("document.title") == TITLE
    assert any("Content Security Policy" in error for error in browser.errors)


def test_the_explorer_works_by_keyboard_alone(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.press("Tab")
    assert browser.run(FOCUSED) == "Skip to the content"
    browser.press("Enter")
    assert browser.run("location.hash") == "#content"
    tab_to(browser, "pick-user")
    for key in "400":
        browser.press(key)
    browser.press("Enter")
    assert browser.run("document.getElementById('pick-user').value") == "400"
    assert browser.run("document.getElementById('told').textContent").startswith("User 400: ★ ")
    tab_to(browser, "next", 3)
    browser.press("Enter")
    assert browser.run(FOCUSED) == "next", "the last user's button keeps the focus"
    assert browser.run("document.activeElement.getAttribute('aria-disabled')") == "true"
    browser.press("Tab", shift=True)
    browser.press("Enter")
    assert browser.run("document.getElementById('pick-user').value") == "360"
    tab_to(browser, "best", 2)
    browser.press("ArrowRight", times=2)
    assert browser.run(FOCUSED) == "simulated-study"
    assert browser.run("document.querySelectorAll('.list h3')[2].textContent") == "simulated-study"
    browser.press("Tab")
    browser.press("Enter")
    assert browser.run("document.activeElement.closest('details').open")
    assert browser.run(
        "document.querySelector('#user details[open] pre:last-of-type').checkVisibility()"
    )


def test_an_id_that_is_not_there_is_told(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.getElementById('pick-user').focus()")
    browser.press("7")
    browser.press("Enter")
    assert browser.run("document.getElementById('told').textContent") == (
        "No user 7 is on this page. This page shows 10 of the 40 users of the subset."
    )
    assert browser.run("document.getElementById('user').children.length") == 0


def test_a_link_to_a_user_opens_the_page_at_that_user_and_choosing_one_makes_such_a_link(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    browser.run("location.hash = '#user-400'")
    told = "new Promise((done) => setTimeout(() => done({}), 200))"
    story = "document.getElementById('told').textContent"
    assert browser.run(told.format(story)).startswith("User 400: ★ ")
    browser.run("document.getElementById('previous').click()")
    assert browser.run("location.hash") == "#user-360"
    browser.run("location.hash = '#user-7'")
    assert browser.run(told.format(story)).startswith("No user 7 is on this page.")


def test_the_explorer_marks_the_ground_truth_in_lists_before_and_after_and_narrows_to_who_moved(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    assert browser.run(
        "[...document.querySelectorAll('.lists .list')]"
        ".map((list) => list.querySelectorAll('li').length)"
    ) == [20, 20]
    assert (
        browser.run("document.querySelectorAll('.lists .list')[1].querySelector('li').className")
        == "truth"
    ), "the perfect ranker"
    assert browser.run("document.querySelectorAll('.history li').length") == 3
    users = browser.run("document.getElementById('user-ids').options.length")
    assert users == 10
    browser.run(
        "(() => { const pick = document.getElementById('pick-filter'); pick.value = 'better';"
        " pick.dispatchEvent(new Event('change')) })()"
    )
    assert 0 < browser.run("document.getElementById('user-ids').options.length") < users
    assert browser.run("document.getElementById('how-many').textContent").endswith(
        "of 10 users (of 40 in the subset, evenly spread)"
    )


def test_the_answers_behind_a_fusion_are_reachable(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelector('#methods [value=mixed]').click()")
    assert (
        browser.run("document.querySelector('#user summary').textContent")
        == "Prompt and raw answer of simulated-study"
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_never_scrolls_sideways_and_shows_its_links_and_verdicts(
    browser: Browser, page: Path, size: tuple[int, int]
) -> None:
    browser.open(page, width=size[0], height=size[1])
    assert browser.run(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    right = (
        "Math.max(...[...document.querySelectorAll('{}')]"
        ".map((one) => one.getBoundingClientRect().right))"
    )
    assert browser.run("document.querySelectorAll('td.verdict').length") >= 4
    for shown in ("nav a", "td.verdict", ".panel svg", "button", "select"):
        assert browser.run(right.format(shown)) <= size[0], shown


def test_on_a_desk_no_table_scrolls_and_on_a_phone_those_that_do_take_the_focus(
    browser: Browser, page: Path
) -> None:
    boxes = "[...document.querySelectorAll('.scroll')]"
    scrolling = f"{boxes}.filter((one) => one.scrollWidth > one.clientWidth)"
    stops = f"{boxes}.filter((one) => one.checkVisibility() && one.tabIndex === 0)"
    browser.open(page)
    assert browser.run(f"{scrolling}.length") == browser.run(f"{stops}.length") == 0
    browser.open(page, width=375, height=800)
    assert browser.run(f"{scrolling}.length") > 2
    assert browser.run(f"{scrolling}.every((one) => one.tabIndex === 0)")
    browser.run(f"{scrolling}[0].focus()")
    browser.press("ArrowRight", times=3)
    moved = browser.run(
        f"new Promise((done) => setTimeout(() => done({scrolling}[0].scrollLeft), 400))"
    )
    assert moved > 0


def test_figures_are_legible_on_a_phone_and_on_a_desk(browser: Browser, page: Path) -> None:
    sizes = """[...document.querySelectorAll('.panel text')].map((text) => {
      const m = text.getScreenCTM();
      return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(m.a, m.b); })"""
    for width in (375, 768, 1200):
        browser.open(page, width=width)
        found = browser.run(sizes)
        assert len(found) > 50
        assert 8.5 <= min(found) <= max(found) <= 18, width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, scheme=scheme)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = browser.run(CONTRASTS)
    assert len(found) > 300
    assert [pair for pair in found if pair[0] < 4.5] == []
    browser.run("document.querySelector('.answer').style.color = '#888'")
    assert min(browser.run(CONTRASTS))[1] == browser.run(
        "document.querySelector('.answer').textContent.slice(0, 40)"
    ), "so it does look"
    dark = browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 25, 30)"
    assert dark == (scheme == "dark")


def test_tables_and_figures_are_named_by_their_captions(browser: Browser, page: Path) -> None:
    browser.open(page)
    tables = [name for name in browser.names("table") if name]
    assert tables[:3] == ["Table 1.", "Table 2.", "Table 3."]
    assert (
        len(set(tables))
        == len(tables)
        == browser.run("document.querySelectorAll('figure.table').length")
    )
    for name in ("aria-labelledby", "aria-describedby"):
        ids = browser.run(
            f"[...document.querySelectorAll('[{name}]')].map((one) => one.getAttribute('{name}'))"
        )
        assert browser.run(f"{ids}.filter((id) => !document.getElementById(id))") == []
    images = browser.names("image")
    assert len(images) == 5
    assert images[0].startswith(
        "Figure 1. Hits per method, of 40 users, with 95% Wilson intervals."
    )


def test_print_holds_tables_figures_and_settings_but_no_controls(
    browser: Browser, page: Path
) -> None:
    browser.open(page, scheme="dark")
    pages = [sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(browser.print())).pages]
    text = unicodedata.normalize("NFKC", re.sub(r"\s+", " ", " ".join(pages)))  # no ligatures
    assert 3 <= len(pages) <= 12
    tables = browser.run("document.querySelectorAll('figure.table').length")
    assert re.findall(r"Table (\d+)\.", text) == [str(number) for number in range(1, tables + 1)]
    for row in browser.run(
        "[...document.querySelectorAll('figure.table tbody th')].map((cell) => cell.textContent)"
    ):
        assert re.sub(r"\s+", "", row) in re.sub(r"\s+", "", text), row
    for printed in (
        "cannot tell",
        "Figure 5.",
        "Hits@10 of 40 users",
        "sample_size: 40",
        "history_length: 3",
    ):
        assert printed in text, printed
    assert "Single users" not in text
    assert "Show the settings" not in text
    assert browser.run("document.querySelectorAll('details[open]').length") == 0, (
        "folded again after printing"
    )


def test_nothing_is_cut_off_in_print(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.resize(703, 1000)  # the width between the margins of A4, in CSS pixels
    browser.prefer("light", media="print")
    shown = (
        "[...document.querySelectorAll('table, .panel, pre')]"
        ".filter((one) => one.checkVisibility())"
    )
    assert browser.run(f"{shown}.length") > 20
    assert (
        browser.run(
            f"{shown}.filter((one) => one.getBoundingClientRect().right > 703)"
            ".map((one) => one.textContent.slice(0, 60))"
        )
        == []
    )


def test_the_readmes_picture_shows_the_page_in_its_present_form() -> None:
    from report.readme_picture import PICTURE, digest_in, digest_of_form

    assert digest_in(PICTURE.read_bytes()) == digest_of_form()
