"""Texts and tables in LaTeX: whatever a name holds, it is shown and not obeyed."""

from collections.abc import Sequence

# What LaTeX would obey, and how it is shown; what a font of pdfLaTeX may lack, and its command.
SHOWN = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': '{"}',  # a short form of some languages
    "[": "{[}",  # after the end of a row, an option of it
    "]": "{]}",
    "*": "{*}",
    "'": "{'}",  # in braces no ligature: two would become one quotation mark, or a dash
    "`": "{`}",
    "-": "{-}",
    "−": "$-$",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "±": r"$\pm$",
    "α": r"$\alpha$",
}


def latex_text(text: str) -> str:
    """Return a text as LaTeX that prints it: one line, without control characters.

    Letters outside ASCII stay as they are: LuaLaTeX and XeLaTeX print what their font has, and
    pdfLaTeX those of Latin alphabets.
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return "".join(SHOWN.get(sign, sign) for sign in line)


def booktabs_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str, label: str
) -> list[str]:
    """Return the lines of a table with the rules of booktabs; its first column is to the left.

    Args:
        header: Names of the columns.
        rows: Cells.
        caption: Above the table.
        label: What the paper refers to.
    """
    columns = "l" + "r" * (len(header) - 1)
    return [
        r"\begin{table}",
        r"  \centering\small\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{latex_text(caption)}}}",
        rf"  \label{{{label}}}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        _row(header),
        r"    \midrule",
        *map(_row, rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]


def figure(path: str, *, caption: str, label: str) -> list[str]:
    """Return the lines of a figure as wide as the text.

    Args:
        path: From the folder of the paper to the file.
        caption: Below the figure.
        label: What the paper refers to.
    """
    return [
        r"\begin{figure}",
        r"  \centering",
        rf"  \includegraphics[width=\linewidth]{{{path}}}",
        rf"  \caption{{{latex_text(caption)}}}",
        rf"  \label{{{label}}}",
        r"\end{figure}",
    ]


def _row(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(map(latex_text, cells))} \\"
