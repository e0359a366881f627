"""What encoders, BM25 and prompts see of an item: its title, and its attributes."""

import string
from collections.abc import Mapping, Sequence

import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError


def with_text(catalogue: pa.Table, template: str | None, setting: str = "text") -> pa.Table:
    """The catalogue with a text in the place of each title.

    Args:
        catalogue: Table ITEMS with a column for each attribute.
        template: Such as `{title}. {genre}`; the titles stay as they are where absent.
        setting: Where the template stands, for messages.

    Raises:
        StudyError: The template names something that the catalogue lacks.
    """
    if template is None:
        return catalogue
    known = ["title", *tables.attributes_of(catalogue)]
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is not None and (name not in known or form or conversion):
            raise StudyError(
                f"config: {setting}: there is no attribute {{{name}}}; known: {', '.join(known)}; "
                "name further columns of the titles' file as `attributes` of the data set"
            )
    rows = catalogue.select(known).to_pylist()
    texts = pa.array([template.format(**row).strip() for row in rows], pa.string())
    place = catalogue.schema.get_field_index("title")
    return catalogue.set_column(place, "title", texts)


def attribute_texts(catalogue: pa.Table, items: Sequence[int]) -> dict[int, str]:
    """Item → its attributes on one line, such as `genre: Drama; year: 1994`."""
    names = tables.attributes_of(catalogue)
    if not names:
        return dict.fromkeys(items, "")
    wanted = set(items)
    return {
        row["item_id"]: _line({name: row[name] for name in names})
        for row in catalogue.select(["item_id", *names]).to_pylist()
        if row["item_id"] in wanted
    }


def _line(attributes: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in attributes.items() if value)
