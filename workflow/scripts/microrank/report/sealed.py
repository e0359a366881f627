"""What the report says of the study's seal."""

from microrank.report.blocks import Block, Paragraph, Section, Table
from microrank.report.study import Study
from microrank.seal import Seals

SHORT = 12  # digits of a hash in a sentence
NAMED = 3  # changes in a sentence; the section names all


def seal_line(study: Study) -> str:
    """Say in a sentence when the study was sealed, and whether anything changed since."""
    if study.seals is None or not study.diagnostics.asked:
        return ""
    if not study.seals.kept:
        return "The response store keeps no seal of this study: its answers were asked elsewhere."
    first, changed = study.seals.kept[0], study.seals.changes
    text = f"The study was sealed on {first.time} UTC ({_before(study.seals)}); "
    if changed:
        more = f", and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        return f"{text}**changed since: {'; '.join(changed[:NAMED])}{more}.**"
    return f"{text}{_unchanged(study.seals)}."


def _before(seals: Seals) -> str:
    kept = seals.kept[0].kept_answers
    if kept:
        return f"**when {kept:,} answers of its models were kept already**"
    return "before the first question"


def _unchanged(seals: Seals) -> str:
    if len(seals.kept) == 1:
        return "nothing was changed since"
    return f"it was changed meanwhile ({len(seals.kept) - 1} times), and is now as it was"


def seal_section(study: Study) -> list[Section]:
    """Show what is sealed, the hashes, and every change."""
    if study.seals is None:
        return []
    seals = study.seals
    rows = [[seal.time, f"`{seal.hash}`", f"{seal.kept_answers:,}"] for seal in seals.kept]
    text = (
        "The seal is a SHA-256 over the settings that shape the study, its prompts, methods and "
        "lists, and the seeded order in which users are drawn. It is taken before the first "
        "question and kept beside the answers, in the response store. The primary comparison is "
        f"so fixed before any answer. The hash now: `{seals.now.hash}`; of the order of users "
        f"alone: `{seals.now.order[:SHORT]}…`."
    )
    blocks: list[Block] = [Paragraph(text), Paragraph(seal_line(study))]
    if rows:
        header = ["sealed (UTC)", "hash", "answers kept before"]
        caption = "Every seal of this study: a new one is taken where something changed."
        blocks.append(Table(header, rows, caption, numbers=False))
    changed = [[change] for change in seals.changes]
    if changed:
        blocks.append(Table(["changed since the first seal"], changed, numbers=False))
    return [Section("Seal", blocks)]
