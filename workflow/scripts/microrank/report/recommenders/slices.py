"""The lists, and what re-ranking does to them, by group of users."""

from collections.abc import Sequence

from microrank.evaluation.comparison import SliceRow
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.numbers import percent_signed, signed
from microrank.report.recommenders.compared import Compared


def slices_section(compared: Compared) -> list[Section]:
    """Show both; nothing where there is one recommender only."""
    comparison = compared.comparison
    if not comparison.list_slices:
        return []
    text = (
        "Groups of users by the length of their history, and by how often their held-out item was "
        "taken before. All tests of a table are Holm-adjusted together; a star marks those that "
        f"hold at p ≤ {compared.level:g}."
    )
    return [
        Section("By group of users", [Paragraph(text), _lists(compared), _methods(compared)]),
    ]


def _lists(compared: Compared) -> Table:
    rows = compared.comparison.list_slices
    baseline, others = compared.names[0], compared.names[1:]
    groups = list(dict.fromkeys(row.slice_name for row in rows))
    of = {(row.slice_name, row.recommender): row for row in rows}
    cells = []
    for group in groups:
        first = of[group, others[0]]
        cells.append(
            [
                group,
                f"{first.n_users:,}",
                f"{first.rate - first.hits.delta:.4f}",
                *(_rate(of[group, name], compared.level) for name in others),
            ]
        )
    header = ["users whose", "users", compared.label(baseline), *map(compared.label, others)]
    caption = (
        f"HR@{compared.comparison.cutoff} over all users; in brackets the difference to "
        f"{compared.label(baseline)}."
    )
    return Table(header, cells, caption)


def _rate(row: SliceRow, level: float) -> str:
    return f"{row.rate:.4f} ({percent_signed(row.hits.delta)}{_star(row, level)})"


def _star(row: SliceRow, level: float) -> str:
    return " ★" if row.hits.p_holm <= level else ""


def _methods(compared: Compared) -> Table:
    rows = compared.comparison.method_slices
    groups = list(dict.fromkeys(row.slice_name for row in rows))
    by_method: dict[tuple[str, str], list[SliceRow]] = {}
    for row in rows:
        by_method.setdefault((row.recommender, str(row.method)), []).append(row)
    cells = [
        [f"`{method}` on {compared.label(name)}", *_gains(of_method, groups, compared.level)]
        for (name, method), of_method in by_method.items()
    ]
    users = {row.slice_name: row.n_users for row in rows}
    header = ["method", *(f"{group} ({users[group]:,})" for group in groups)]
    caption = (
        f"Hits@{compared.comparison.cutoff} of re-ranked lists less those of the list itself, of "
        "the same users as above; in brackets the users of the group. Methods whose answers could "
        "not be read say nothing here."
    )
    return Table(header, cells, caption)


def _gains(rows: Sequence[SliceRow], groups: Sequence[str], level: float) -> list[str]:
    of = {row.slice_name: row for row in rows}
    return [
        f"{signed(of[group].hits.wins - of[group].hits.losses)}{_star(of[group], level)}"
        for group in groups
    ]
