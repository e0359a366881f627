"""How the raw files became users with a history: their order, what was left out, the split."""

from collections.abc import Mapping
from typing import Any

from microrank.data.pairs import BY_ROWS, BY_TIMES
from microrank.data.raw_settings import GLOBAL_TIME
from microrank.report.blocks import Block, Paragraph, Section, literal
from microrank.report.study import Study


def data_section(study: Study) -> list[Section]:
    """Say how the data were read; nothing where an older workflow split them."""
    reading = study.counts.get("reading")
    if not reading:
        return []
    texts = [_order(reading), _split(study, reading), *_cleaning(reading)]
    return [Section("The data", [Paragraph(text) for text in texts])]


def data_notices(study: Study) -> list[Block]:
    """Warn of an order that may not be that of time, and of many items without a title."""
    reading = study.counts.get("reading", {})
    texts = []
    if reading.get("order") == BY_ROWS and not reading["order_told"]:
        texts.append(
            "**No times:** the file of interactions has no column of times, so the order of its "
            "rows was taken for that of time. If they stand in another order, the held-out item "
            "is not the last one that was taken, and these numbers are wrong. (`columns: "
            "{timestamp: …}` names such a column; `{timestamp: null}` says that the order is "
            "right.)"
        )
    if lack := reading.get("titles"):
        texts.append(
            f"**Titles are missing:** {lack['lacking']:,} of {lack['items']:,} items have none, "
            f"for example item {literal(lack['example'])}; the ids of the titles' file begin with "
            f"{literal(lack['first_id'])}. Whatever reads titles knows nothing of these items."
        )
    return [Paragraph(text, notice=True) for text in texts]


def _order(reading: Mapping[str, Any]) -> str:
    if reading["order"] == BY_TIMES:
        ties = (
            f" {reading['ties']:,} interactions share their time with another one of their user, "
            "and keep the order of the file."
        )
        return "Each user's interactions stand in the order of their times." + (
            ties if reading["ties"] else ""
        )
    if reading["order"] == BY_ROWS:
        return "The interactions have no times: each user's stand in the order of the file."
    return "Each user's items stand on one line of the file, the oldest first."


def _split(study: Study, reading: Mapping[str, Any]) -> str:
    if reading["split"] == GLOBAL_TIME:
        first, second = (literal(date) for date in reading["dates"])
        left_out = study.counts["left_out_users_by_split_dates"]
        return (
            f"Train is what lies before {first}, valid each user's first interaction from then on, "
            f"and test the first from {second} on. What lies between is left out, so that nothing "
            "from a date on trains what is tested before it. This leaves "
            f"{study.counts['users']:,} of {study.counts['users'] + left_out:,} users."
        )
    return (
        "The last interaction of each user is test, the last but one valid, and the rest train "
        "(leave-one-out)."
    )


def _cleaning(reading: Mapping[str, Any]) -> list[str]:
    if not reading["cleaning"]:
        return ["Nothing was left out or found wrong in the files."]
    return ["Of the files:", *(f"{sentence}." for sentence in reading["cleaning"])]
