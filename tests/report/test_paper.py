"""What a paper takes: the report's numbers, in LaTeX that no name breaks, and a vector figure."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.report.latex import SHOWN, booktabs_table, latex_text
from microrank.report.paper import write_paper
from microrank.report.results_tables import results
from pypdf import PdfReader

# What LaTeX prints for each command, written anew from its manual: the inverse of SHOWN.
PRINTED = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textendash{}": "–",
    r"\textemdash{}": "—",
    r"$\le$": "≤",
    r"$\ge$": "≥",
    r"$\pm$": "±",
    r"$\alpha$": "α",
    "$-$": "−",
    **{rf"\{sign}": sign for sign in "{}$&#%_"},
    **{f"{{{sign}}}": sign for sign in "-'`\"[]*"},
}
TOKEN = re.compile("|".join(map(re.escape, sorted(PRINTED, key=len, reverse=True))) + "|.", re.S)
TABLE = re.compile(r"\\label\{(tab:\w+)\}\n  \\begin\{tabular\}\{lr*\}(.*?)\\end\{tabular\}", re.S)
ROW = re.compile(r"^    (.* \S*) \\\\$", re.M)
ATTACK = r"\input{/etc/passwd} & 100% $x_1^2$ #1 ~ \\[2em] `a'--\"b\" | <c> [d]* \end{tabular}"


def printed(text: str) -> str:
    """What LaTeX prints; a sign that it would obey is an error."""
    tokens = TOKEN.findall(text)
    assert not [token for token in tokens if token in set("\\{}$&#%_~^")]
    return "".join(PRINTED.get(token, token) for token in tokens)


def parsed(text: str) -> dict[str, list[list[str]]]:
    """The tables of a LaTeX text by label; every brace and environment must be closed in order."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    depth, opened = 0, []
    for token in re.findall(r"\\begin\{\w+\}|\\end\{\w+\}|\\.|[{}]", body, re.S):
        name = re.fullmatch(r"\\(begin|end)\{(\w+)\}", token)
        if name and name[1] == "begin":
            opened.append(name[2])
        elif name:
            assert opened.pop() == name[2]
        elif token in "{}":
            depth += 1 if token == "{" else -1
            assert depth >= 0
    assert (depth, opened) == (0, [])
    return {
        name: [row.split(" & ") for row in ROW.findall(rows)] for name, rows in TABLE.findall(body)
    }


@pytest.fixture(scope="module")
def paper(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    return write_paper(made.study(), folder / "paper-hits.pdf"), folder / "paper-hits.pdf"


@given(st.text())
def test_any_text_is_printed_as_it_is_and_never_obeyed(text: str) -> None:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    assert printed(latex_text(text)) == line


def test_the_signs_of_latex_in_one_name_are_printed() -> None:
    assert printed(latex_text(ATTACK)) == ATTACK
    assert latex_text("a_b & 5 %") == r"a\_b \& 5 \%"
    assert set(PRINTED.values()) == set(SHOWN)


def test_a_name_that_tries_to_break_out_stays_in_its_cell() -> None:
    lines = booktabs_table(["Method", "Hits"], [[ATTACK, "1"]] * 2, caption=ATTACK, label="tab:x")
    rows = parsed("\n".join(lines))["tab:x"]
    assert [[printed(cell) for cell in row] for row in rows[1:]] == [[ATTACK, "1"]] * 2


def test_the_table_has_the_reports_rows_and_numbers(made, paper) -> None:
    study = made.study()
    header, *rows = parsed(paper[0])["tab:microrank"]
    cells = {printed(row[0]): [printed(cell) for cell in row] for row in rows}
    assert list(cells) == [study.label(name) for name in [study.recommender, *study.names]]
    assert {len(row) for row in [header, *rows]} == {len(header)}
    main = {row[0]: row for row in results(study).blocks[1].rows}
    for label, row in cells.items():
        assert row[1:3] == main[label][3:5]
        if label != "NFM":
            assert row[3:] == [main[label][5], main[label][7], main[label][1]]


def test_the_figure_is_a_vector_pdf_with_its_text_and_the_same_bytes_each_time(
    made, paper, tmp_path
) -> None:
    text, path = paper
    assert r"\includegraphics[width=\linewidth]{paper-hits.pdf}" in text
    reader = PdfReader(path)
    (page,) = reader.pages
    assert not page.images
    for label in ("Hits@5 of 40 users", "Hits@10 of 40 users", "NFM", "llama"):
        assert label in page.extract_text()
    assert reader.metadata == {"/Title": "Hits per method"}
    fonts = page["/Resources"]["/Font"].values()
    assert {font.get_object()["/Subtype"] for font in fonts} == {"/Type0"}, "no type 3"
    again = write_paper(made.study(), tmp_path / "paper-hits.pdf")
    assert again == text
    assert (tmp_path / "paper-hits.pdf").read_bytes() == path.read_bytes()


def test_a_synthetic_study_says_so_in_its_caption(made, tmp_path) -> None:
    settings = {**made.study().settings, "synthetic": True}
    text = write_paper(replace(made.study(), settings=settings), tmp_path / "a.pdf")
    assert r"\caption{Synthetic sample: its numbers say nothing" in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_pdflatex_compiles_it(paper, tmp_path: Path) -> None:
    text, figure = paper
    shutil.copy(figure, tmp_path)
    attack = booktabs_table(["Method"], [[ATTACK], [ATTACK]], caption=ATTACK, label="tab:x")
    (tmp_path / "paper.tex").write_text(text + "\n".join(attack))
    (tmp_path / "whole.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,graphicx}"
        r"\begin{document}\input{paper}\end{document}"
    )
    subprocess.run(["pdflatex", "-halt-on-error", "whole.tex"], cwd=tmp_path, check=True)
    pages = [page.extract_text() for page in PdfReader(tmp_path / "whole.pdf").pages]
    assert "/etc/passwd" in "".join(pages)
    assert "root:" not in "".join(pages)
