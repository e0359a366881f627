"""The documents: short where a newcomer starts, and no link or command that leads nowhere."""

import re
from pathlib import Path

import pytest
from commandline import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
README = (ROOT / "README.md").read_text()


def anchors(page: Path) -> set[str]:
    """The names that a page's headings have on GitHub."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {text.replace(" ", "-") for text in words}


def test_the_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= 110
    assert [line for line in lines if len(line) > 100] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_or_a_heading_leads_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_every_page_of_the_docs_stands_in_their_index() -> None:
    index = (ROOT / "docs/index.md").read_text()
    missing = [page.name for page in ROOT.glob("docs/*.md") if f"({page.name})" not in index]
    assert missing == ["index.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_program_and_make_target_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    programs = re.findall(r"python ((?:workflow|experiments|benchmarks)/\S+\.py)", text)
    assert [name for name in programs if not (ROOT / name).is_file()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", text))
    assert named - targets == set()
