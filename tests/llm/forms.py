"""Forms in which models write an answer: one line each. A new form is a new line.

A form makes the text of an answer from its entries, which stand in the order that is meant.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase


@dataclass(frozen=True)
class Entry:
    """One candidate of an answer: its place from 1, its name as asked for, title and score."""

    place: int
    name: int
    title: str
    score: int = 0

    @property
    def short(self) -> str:
        """The title without what stands in brackets at its end."""
        return self.title.rsplit(" (", 1)[0]


Entries = Sequence[Entry]


@dataclass(frozen=True)
class Form:
    """A form of answers.

    Attributes:
        name: For messages.
        text: Makes the answer.
        by_title: Whether candidates are named by titles alone: one that shares its title, or has
            none, is not named.
        may_be_unread: Why a person could not tell, either; "" where the answer must be read.
    """

    name: str
    text: Callable[[Entries], str]
    by_title: bool = False
    may_be_unread: str = ""


def names(entries: Entries) -> list[int]:
    return [entry.name for entry in entries]


def lines(entries: Entries, form: str) -> str:
    """A line for each entry: {place}, {name}, {title}, {short}, {score}, {th}, {down}, {letter}."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return "\n".join(
        form.format(
            place=entry.place,
            name=entry.name,
            title=entry.title,
            short=entry.short,
            score=entry.score,
            th=ends.get(entry.place, "th"),
            down=10 - entry.place / 10,
            letter=(ascii_lowercase + ascii_uppercase)[entry.place - 1],
        )
        for entry in entries
    )


def joined(entries: Entries, separator: str, form: str = "{}") -> str:
    return separator.join(form.format(name) for name in names(entries))


def ranking(entries: Entries) -> str:
    return json.dumps({"ranking": names(entries)})


def as_json(entries: Entries, *keys: str) -> list[dict[str, object]]:
    """An object for each entry; a key `rank=place` renames the entry's `place` to `rank`."""
    pairs = [key.split("=") for key in keys]
    return [{name: getattr(entry, of) for name, of in pairs} for entry in entries]


def shuffled_by_name(entries: Entries) -> Entries:
    return sorted(entries, key=lambda entry: entry.name)


def by_title(entries: Entries) -> Entries:
    return sorted(entries, key=lambda entry: entry.title)


def sideways(entries: Entries, rows: dict[str, str]) -> str:
    """A table whose headings stand in front of its rows: heading -> attribute of an entry."""
    cells = [
        f"| {heading} | {' | '.join(str(getattr(entry, of)) for entry in entries)} |"
        for heading, of in rows.items()
    ]
    return "\n".join([cells[0], "|---" * (len(entries) + 1) + "|", *cells[1:]])


def columns(entries: Entries, *keys: str) -> str:
    """A JSON list for each key; a key `rank=place` is the list `rank` of the entries' places."""
    pairs = [key.split("=") for key in keys]
    return json.dumps({name: [getattr(entry, of) for entry in entries] for name, of in pairs})


def table(entries: Entries, head: str, form: str) -> str:
    return f"| {head} |\n|{'---|' * (head.count('|') + 1)}\n" + lines(entries, f"| {form} |")


def html_table(entries: Entries, between: str) -> str:
    rows = [f"<tr><td>{entry.place}</td><td>{entry.name}</td></tr>" for entry in entries]
    return between.join(["<table>", "<tr><th>Rank</th><th>Video</th></tr>", *rows, "</table>"])


def tool_call(arguments: object) -> str:
    return json.dumps({"name": "answer", "arguments": arguments})


def reasons(entries: Entries) -> dict[str, str]:
    return {str(entry.name): "2 of 3 people" for entry in shuffled_by_name(entries)}


COUNTDOWN = "the places may be numbers"
NOT_NAMED = "it names no candidate"
UNSORTED = "the numbers beside the candidates may be scores"
REVERSED = "a reversed list"
DRAFT = "A first try: {}. The newest titles weigh most, so the other way round.\n\n"


def draft(entries: Entries) -> str:
    return json.dumps({"ranking": names(entries)[::-1]})


RANKING_FORMS = [
    Form("json object", ranking),
    Form("json array", lambda e: json.dumps(names(e))),
    Form("json of strings", lambda e: json.dumps({"ranking": [str(n) for n in names(e)]})),
    Form("json of brackets", lambda e: json.dumps({"ranking": [f"[{n}]" for n in names(e)]})),
    Form("json of floats", lambda e: json.dumps([float(n) for n in names(e)])),
    Form("python list", lambda e: str(tuple(map(str, names(e))))),
    Form("python dict", lambda e: str({"ranking": names(e)})),
    Form("json with comma", lambda e: ranking(e).replace("]}", ",]}")),
    Form("json with comment", lambda e: ranking(e).replace("]}", "] // best first\n}")),
    Form("fenced json", lambda e: f"```json\n{ranking(e)}\n```"),
    Form("pretty json", lambda e: json.dumps({"ranking": names(e)}, indent=2)),
    Form("json and prose", lambda e: f"Sure! Here it is:\n{ranking(e)}\nEnjoy, viewer."),
    Form("json, reasons first", lambda e: json.dumps({"why": "2 cats", "ranking": names(e)})),
    Form(
        "json, shown list first",
        lambda e: json.dumps({"given": sorted(names(e)), "ranking": names(e)}),
    ),
    Form("json string", lambda e: json.dumps({"ranking": joined(e, ", ")})),
    Form("objects rank id", lambda e: json.dumps(as_json(e, "rank=place", "id=name"))),
    Form("objects id rank", lambda e: json.dumps(as_json(e, "id=name", "rank=place"))),
    Form(
        "objects by name",
        lambda e: json.dumps(as_json(shuffled_by_name(e), "id=name", "rank=place")),
    ),
    Form(
        "objects with titles",
        lambda e: json.dumps({"ranking": as_json(e, "place=place", "video=name", "title=title")}),
    ),
    Form(
        "objects place candidate",
        lambda e: json.dumps(as_json(e, "position=place", "candidate=name")),
    ),
    Form("objects number title", lambda e: json.dumps(as_json(e, "number=name", "title=title"))),
    Form(
        "objects, falling scores",
        lambda e: json.dumps([{"id": x.name, "score": 100 - x.place} for x in e]),
    ),
    Form(
        "objects of titles",
        lambda e: json.dumps(as_json(e, "rank=place", "title=title")),
        by_title=True,
    ),
    Form(
        "strings of titles", lambda e: json.dumps({"ranking": [x.title for x in e]}), by_title=True
    ),
    Form("strings name: title", lambda e: json.dumps([f"{x.name}: {x.title}" for x in e])),
    Form("strings [name] title", lambda e: json.dumps([f"[{x.name}] {x.title}" for x in e])),
    Form(
        "strings place. title",
        lambda e: json.dumps([f"{x.place}. {x.title}" for x in e]),
        by_title=True,
    ),
    Form(
        "json lines",
        lambda e: "\n".join(map(json.dumps, as_json(e, "rank=place", "id=name", "title=title"))),
    ),
    Form("map of ordinals", lambda e: json.dumps({f"rank {x.place}": x.name for x in e})),
    Form(
        "map place to object",
        lambda e: json.dumps({str(x.place): {"id": x.name, "title": x.title} for x in e}),
    ),
    Form(
        "map place to title",
        lambda e: json.dumps({str(x.place): x.title for x in e}),
        by_title=True,
    ),
    Form(
        "map place to name",
        lambda e: json.dumps({str(x.place): x.name for x in e}),
        may_be_unread="places and numbers look alike",
    ),
    Form("map name to place", lambda e: json.dumps({str(x.name): x.place for x in e})),
    Form(
        "pairs place name",
        lambda e: json.dumps([[x.place, x.name] for x in e]),
        may_be_unread="places and numbers look alike",
    ),
    Form("pairs name title", lambda e: json.dumps([[x.name, x.title] for x in e])),
    Form("commas", lambda e: joined(e, ",")),
    Form("commas and spaces", lambda e: joined(e, ", ") + "."),
    Form("spaces", lambda e: joined(e, " ")),
    Form("lines", lambda e: joined(e, "\n")),
    Form("wide commas", lambda e: joined(e, "，")),
    Form("brackets >", lambda e: joined(e, " > ", "[{}]")),
    Form("numbers >", lambda e: joined(e, " > ")),
    Form("arrows", lambda e: joined(e, " → ", "{}")),
    Form("brackets commas", lambda e: joined(e, ", ", "[{}]")),
    Form("bracket lines", lambda e: joined(e, "\n", "[{}]")),
    Form("answer: commas", lambda e: f"Answer: {joined(e, ', ')}"),
    Form("bold answer", lambda e: f"**Ranking:** {joined(e, ', ')}"),
    Form(
        "the n best in order",
        lambda e: f"The {len(e)} candidates in order of likelihood: {joined(e, ', ')}",
    ),
    Form("numbered names", lambda e: lines(e, "{place}. {name}")),
    Form("numbered brackets", lambda e: lines(e, "{place}) [{name}]")),
    Form("numbered name: title", lambda e: lines(e, "{place}. {name}: {title}")),
    Form("numbered [name] title", lambda e: lines(e, "{place}. [{name}] {title}")),
    Form("numbered title [name]", lambda e: lines(e, "{place}. {title} [{name}]")),
    Form("numbered title (id)", lambda e: lines(e, "{place}. {title} (ID: {name})")),
    Form(
        "numbered bold title",
        lambda e: lines(e, "{place}. **{title}** (video {name}) – same people"),
    ),
    Form("numbered video name", lambda e: lines(e, "{place}. Video {name}")),
    Form(
        "numbered with reasons",
        lambda e: lines(e, "{place}. [{name}] {title}\n   - Reason: 2 of 3 people liked it"),
    ),
    Form("numbered with scores", lambda e: lines(e, "{place}. [{name}] {title} – {down}/10")),
    Form("numbered titles", lambda e: lines(e, "{place}. {title}"), by_title=True),
    Form("numbered short titles", lambda e: lines(e, "{place}. {short}"), by_title=True),
    Form(
        "numbered bold titles",
        lambda e: lines(e, "{place}. **{title}**: it suits the viewer"),
        by_title=True,
    ),
    Form("numbered quoted titles", lambda e: lines(e, '{place}. "{title}"'), by_title=True),
    Form("titles alone", lambda e: lines(e, "{title}"), by_title=True),
    Form("bulleted titles", lambda e: lines(e, "- {title}"), by_title=True),
    Form("bulleted names", lambda e: lines(e, "- {name}")),
    Form("bulleted name: title", lambda e: lines(e, "* {name}: {title}")),
    Form("[name] title", lambda e: lines(e, "[{name}] {title}")),
    Form("name: title", lambda e: lines(e, "{name}: {title}")),
    Form("name. title", lambda e: lines(e, "{name}. {title}")),
    Form("name - title", lambda e: lines(e, "{name} - {title}")),
    Form("1st: name", lambda e: lines(e, "{place}{th}: {name}")),
    Form("1st place: [name]", lambda e: lines(e, "{place}{th} place: [{name}] {title}")),
    Form("rank 1: name", lambda e: lines(e, "Rank {place}: {name}")),
    Form("rank 1: video name", lambda e: lines(e, "Rank {place}: Video {name} - {title}")),
    Form("#1 name", lambda e: lines(e, "#{place} [{name}]")),
    Form(
        "place: name",
        lambda e: lines(e, "{place}: {name}"),
        may_be_unread="places and numbers look alike",
    ),
    Form("place: title", lambda e: lines(e, "{place}: {title}"), by_title=True),
    Form(
        "table rank video title",
        lambda e: table(e, "Rank | Video | Title", "{place} | {name} | {title}"),
    ),
    Form("table id rank", lambda e: table(e, "ID | Rank", "{name} | {place}")),
    Form("table # title id", lambda e: table(e, "# | Title | ID", "{place} | {title} | {name}")),
    Form(
        "table by name",
        lambda e: table(shuffled_by_name(e), "Candidate | Rank", "{name} | {place}"),
    ),
    Form("table of titles", lambda e: table(e, "Rank | Title", "{place} | {title}"), by_title=True),
    Form(
        "table with scores",
        lambda e: table(e, "Rank | Candidate | Score", "{place} | {name} | {down}"),
    ),
    Form("csv", lambda e: "rank,id\n" + lines(e, "{place},{name}")),
    Form("yaml", lambda e: "ranking:\n" + lines(e, "  - {name}")),
    Form("yaml objects", lambda e: lines(e, "- rank: {place}\n  id: {name}")),
    Form("xml answer", lambda e: f"<answer>{joined(e, ', ')}</answer>"),
    Form("boxed", lambda e: f"The answer is $\\boxed{{{joined(e, ', ')}}}$"),
    Form("headings", lambda e: lines(e, "### {place}. {title}\n**ID:** {name}")),
    Form("inline numbered", lambda e: " ".join(f"{x.place}. {x.name}" for x in e)),
    Form("inline numbered brackets", lambda e: " ".join(f"{x.place}) [{x.name}]" for x in e)),
    Form("draft, final json", lambda e: DRAFT.format(draft(e)) + f"Final answer:\n{ranking(e)}"),
    Form("draft, later json", lambda e: f"At first {draft(e)}, but better:\n{ranking(e)}"),
    Form(
        "draft list, final list",
        lambda e: (
            "Draft:\n"
            + lines(e[::-1], "[{name}] {title}")
            + "\n\nFinal ranking:\n"
            + lines(e, "[{name}] {title}")
        ),
    ),
    Form(
        "shown again, then ranked",
        lambda e: (
            "Candidates:\n"
            + lines(shuffled_by_name(e), "[{name}] {title}")
            + "\n\nRanking:\n"
            + lines(e, "{place}. [{name}] {title}")
        ),
    ),
    Form(
        "ranked, then explained",
        lambda e: f"{ranking(e)}\n\nThe first ({e[0].name}) is newer than {e[-1].name}.",
    ),
    Form("think", lambda e: f"<think>So {joined(e[::-1], ', ')}?</think>\n{ranking(e)}"),
    Form(
        "think without opening", lambda e: f"So {joined(e[::-1], ', ')}?</think>{joined(e, ', ')}"
    ),
    Form("thinking tags", lambda e: f"<thinking>{draft(e)}</thinking>{ranking(e)}"),
    Form("thought", lambda e: f"<thought>\n{draft(e)}\n</thought>\n{joined(e, ', ')}"),
    Form(
        "reflection",
        lambda e: (
            f"<thinking>{draft(e)}<reflection>no</reflection></thinking>"
            f"<output>{ranking(e)}</output>"
        ),
    ),
    Form(
        "reflection after", lambda e: f"{ranking(e)}<reflection>{draft(e)} was worse</reflection>"
    ),
    Form("THINK", lambda e: f"[THINK]{draft(e)}[/THINK]{ranking(e)}"),
    Form("seed", lambda e: f"<seed:think>{draft(e)}</seed:think>{joined(e, ', ')}"),
    Form("kimi", lambda e: f"◁think▷{draft(e)}◁/think▷{ranking(e)}"),
    Form(
        "begin of thought",
        lambda e: (
            f"<|begin_of_thought|>{draft(e)}<|end_of_thought|>"
            f"<|begin_of_solution|>{ranking(e)}<|end_of_solution|>"
        ),
    ),
    Form(
        "start thinking",
        lambda e: (
            f"<|START_THINKING|>{draft(e)}<|END_THINKING|>"
            f"<|START_RESPONSE|>{ranking(e)}<|END_RESPONSE|>"
        ),
    ),
    Form(
        "harmony",
        lambda e: (
            f"<|channel|>analysis<|message|>{draft(e)}<|end|>"
            f"<|start|>assistant<|channel|>final<|message|>{ranking(e)}<|return|>"
        ),
    ),
    Form(
        "harmony without marks",
        lambda e: (
            f"analysisThe candidates: {draft(e)} Better turned.assistantfinal{joined(e, ', ')}"
        ),
    ),
    Form(
        "invented next turn",
        lambda e: f"{ranking(e)}<|im_end|>\n<|im_start|>user\nAnother: {draft(e)}",
    ),
    Form(
        "open think",
        lambda e: f"<think>Perhaps {draft(e)}, or",
        may_be_unread="it never ends to think",
    ),
    Form(
        "harmony, no final",
        lambda e: f"<|channel|>analysis<|message|>Perhaps {draft(e)}",
        may_be_unread="it never ends to think",
    ),
    Form(
        "taken back",
        lambda e: f"{draft(e)}\nWait, actually the other way round.",
        may_be_unread="it says how to change a list",
    ),
    Form(
        "worst first",
        lambda e: f"From least likely to most likely: {joined(e[::-1], ', ')}",
        may_be_unread=REVERSED,
    ),
    Form(
        "two lists",
        lambda e: json.dumps({"a": names(e), "b": names(e)[::-1]}),
        may_be_unread="nothing says which list",
    ),
    Form("countdown", lambda e: lines(e[::-1], "{place}. {name}"), may_be_unread=COUNTDOWN),
    Form(
        "countdown of brackets",
        lambda e: lines(e[::-1], "{place}. [{name}] {title}"),
        may_be_unread=COUNTDOWN,
    ),
    Form("unknown titles", lambda e: lines(e, "{place}. A film"), may_be_unread=NOT_NAMED),
    Form(
        "unknown titles, last first",
        lambda e: lines(e[::-1], "{place}. A"),
        may_be_unread=NOT_NAMED,
    ),
    Form("place: unknown", lambda e: lines(e[::-1], "{place}: A film"), may_be_unread=NOT_NAMED),
    Form(
        "map of unknown",
        lambda e: json.dumps({str(x.place): "A" for x in e}),
        may_be_unread=NOT_NAMED,
    ),
    Form(
        "map of unknown, last first",
        lambda e: json.dumps({str(x.place): "A" for x in e[::-1]}),
        may_be_unread=NOT_NAMED,
    ),
    Form("place, title", lambda e: lines(e, "{place}、{title}"), by_title=True),
    Form(
        "place, name", lambda e: lines(e, "{place}、{name}"), may_be_unread="few entries are a list"
    ),
    Form("Platz", lambda e: lines(e, "Platz {place}: Video {name}")),
    Form("Platz, title", lambda e: lines(e, "Platz {place}: {title}"), by_title=True),
    Form("first in Chinese", lambda e: lines(e, "第{place}名：{name}")),
    Form("letters", lambda e: lines(e, "{letter}) {name}")),
    Form("table on its side", lambda e: sideways(e, {"Rank": "place", "Video": "name"})),
    Form("table on its side, rank last", lambda e: sideways(e, {"Video": "name", "Rank": "place"})),
    Form("html table", lambda e: html_table(e, "")),
    Form("html table in lines", lambda e: html_table(e, "\n")),
    Form("html list", lambda e: f"<ol>\n{lines(e, '<li>{title}</li>')}\n</ol>", by_title=True),
    Form("json columns", lambda e: columns(e, "rank=place", "id=name")),
    Form("json columns, rank last", lambda e: columns(e, "id=name", "rank=place")),
    Form(
        "json columns of titles", lambda e: columns(e, "rank=place", "title=title"), by_title=True
    ),
    Form(
        "ranks of the list shown",
        lambda e: columns(shuffled_by_name(e), "ranks=place"),
        may_be_unread="ranks, or the numbers of candidates",
    ),
    Form("json in a string", lambda e: json.dumps(ranking(e))),
    Form("tool call", lambda e: tool_call({"ranking": names(e)})),
    Form(
        "tool call in tags", lambda e: f"<tool_call>{tool_call({'ranking': names(e)})}</tool_call>"
    ),
    Form("tool call of a string", lambda e: tool_call(ranking(e))),
    Form(
        "nested objects",
        lambda e: json.dumps(
            [{"rank": x.place, "video": {"id": x.name, "title": x.title}} for x in e]
        ),
    ),
    Form(
        "ranking and reasons",
        lambda e: json.dumps({"ranking": names(e), "reasons": reasons(e)}),
    ),
    Form(
        "reasons and ranking",
        lambda e: json.dumps({"reasons": reasons(e), "ranking": names(e)}),
    ),
    Form(
        "map of scores",
        lambda e: json.dumps({str(x.name): 100 - x.place for x in shuffled_by_name(e)}),
        may_be_unread=UNSORTED,
    ),
    Form("lines of scores", lambda e: lines(by_title(e), "{name}: {down}"), may_be_unread=UNSORTED),
    Form(
        "pairs of scores",
        lambda e: json.dumps([[x.name, 1 - x.place / 40] for x in by_title(e)]),
        may_be_unread=UNSORTED,
    ),
    Form(
        "tuples of scores",
        lambda e: str([(x.name, 1 - x.place / 40) for x in e]),
        may_be_unread="1 to n may be places",
    ),
    Form(
        "[name] title – score",
        lambda e: lines(by_title(e), "[{name}] {title} - {down}/10"),
        may_be_unread=UNSORTED,
    ),
    Form(
        "[name] title: place",
        lambda e: lines(shuffled_by_name(e), "[{name}] {title}: {place}"),
        may_be_unread=UNSORTED,
    ),
    Form(
        "[name] title (rank: place)",
        lambda e: lines(shuffled_by_name(e), "[{name}] {title} (rank: {place})"),
    ),
    Form(
        "name → place",
        lambda e: lines(shuffled_by_name(e), "{name} → {place}"),
        may_be_unread="places and numbers look alike",
    ),
    Form(
        "title → place",
        lambda e: lines(shuffled_by_name(e), "{title} → {place}"),
        by_title=True,
        may_be_unread=UNSORTED,
    ),
    Form(
        "map title to place",
        lambda e: json.dumps({x.title: x.place for x in shuffled_by_name(e)}),
        by_title=True,
        may_be_unread=UNSORTED,
    ),
    Form(
        "names in a sentence",
        lambda e: f"I'd put {joined(e, ', then ')}.",
        may_be_unread="a sentence is no list",
    ),
    Form(
        "names and scores in a sentence",
        lambda e: "My order: " + ", ".join(f"{x.name} (score {100 - x.place})" for x in e),
        may_be_unread="a sentence is no list",
    ),
    Form(
        "pairs of neighbours",
        lambda e: "\n".join(f"[{a.name}] > [{b.name}]" for a, b in sorted(pairwise(e), key=str)),
        may_be_unread="comparisons are no list",
    ),
    Form("best: name", lambda e: f"Worst: {e[-1].name}\nBest: {e[0].name}", may_be_unread=REVERSED),
    Form("name < name", lambda e: joined(e[::-1], " < "), may_be_unread=REVERSED),
    Form(
        "worst first, said after",
        lambda e: joined(e[::-1], ", ") + " (worst first)",
        may_be_unread=REVERSED,
    ),
    Form(
        "the last one is the best",
        lambda e: joined(e[::-1], ", ") + "\n\nThe last one is the most likely.",
        may_be_unread=REVERSED,
    ),
    Form(
        "json from worst to best",
        lambda e: json.dumps({"note": "from worst to best", "ranking": names(e)[::-1]}),
        may_be_unread=REVERSED,
    ),
    Form("top n:", lambda e: f"Top {len(e)}: {joined(e, ', ')}"),
    Form(
        "thinking aloud, then names",
        lambda e: (
            lines(shuffled_by_name(e), "{name}. {title}") + f"\n\nMy answer: {joined(e, ', ')}"
        ),
    ),
    Form(
        "ranked, then each explained",
        lambda e: f"{ranking(e)}\n\n{lines(shuffled_by_name(e), '- {name}: {title}')}",
        may_be_unread="the second list may be another answer",
    ),
]


def scored(entries: Entries) -> str:
    return json.dumps({"scores": {str(entry.name): entry.score for entry in entries}})


def sorted_by_score(entries: Entries) -> Entries:
    ordered = sorted(entries, key=lambda entry: -entry.score)
    return [Entry(k, e.name, e.title, e.score) for k, e in enumerate(ordered, 1)]


SCORE_FORMS = [
    Form("scores", scored),
    Form("map", lambda e: json.dumps({str(x.name): x.score for x in e})),
    Form(
        "map of strings",
        lambda e: json.dumps({"scores": {str(x.name): f"{x.score}/10" for x in e}}),
    ),
    Form("map of percents", lambda e: json.dumps({str(x.name): f"{x.score * 10}%" for x in e})),
    Form(
        "map with reasons",
        lambda e: json.dumps(
            {"scores": {str(x.name): {"score": x.score, "reason": "2 of 3"} for x in e}}
        ),
    ),
    Form(
        "map reason first",
        lambda e: json.dumps({str(x.name): {"reason": "part 3", "score": x.score} for x in e}),
    ),
    Form("map of candidates", lambda e: json.dumps({f"candidate {x.name}": x.score for x in e})),
    Form("map of titles", lambda e: json.dumps({x.title: x.score for x in e}), by_title=True),
    Form("bare list", lambda e: json.dumps({"scores": [x.score for x in e]})),
    Form("objects", lambda e: json.dumps({"scores": as_json(e, "number=name", "score=score")})),
    Form(
        "objects with reasons",
        lambda e: json.dumps(
            [{"id": x.name, "title": x.title, "reason": "part 3", "score": x.score} for x in e]
        ),
    ),
    Form("objects rating", lambda e: json.dumps(as_json(e, "candidate=name", "rating=score"))),
    Form(
        "objects of titles",
        lambda e: json.dumps(as_json(e, "title=title", "relevance=score")),
        by_title=True,
    ),
    Form(
        "objects sorted",
        lambda e: json.dumps(
            as_json(sorted_by_score(e), "rank=place", "number=name", "score=score")
        ),
    ),
    Form("pairs", lambda e: json.dumps([[x.name, x.score] for x in e])),
    Form(
        "json lines", lambda e: "\n".join(map(json.dumps, as_json(e, "number=name", "score=score")))
    ),
    Form("fenced", lambda e: f"```json\n{scored(e)}\n```"),
    Form("with comma", lambda e: scored(e).replace("}}", ",}}")),
    Form("name: score", lambda e: lines(e, "{name}: {score}")),
    Form("bold name: score", lambda e: lines(e, "**{name}**: {score}")),
    Form("bold [name]: score", lambda e: lines(e, "- **[{name}]**: {score}/10")),
    Form("[name] title: score", lambda e: lines(e, "[{name}] {title}: {score}/10")),
    Form("name. title: score", lambda e: lines(e, "{name}. {title}: {score}/10 (same people)")),
    Form("name. bold title: score", lambda e: lines(e, "{name}. **{title}**: {score}")),
    Form("name: score with reason", lambda e: lines(e, "{name}: {score} (part 3 of it)")),
    Form("name - score", lambda e: lines(e, "Candidate {name} - {score}")),
    Form("name → percent", lambda e: lines(e, "[{name}] → {score}0%")),
    Form("score labelled", lambda e: lines(e, "{name}. {title} | Score: {score}")),
    Form("title: score", lambda e: lines(e, "{title}: {score}/10"), by_title=True),
    Form("table", lambda e: table(e, "Candidate | Score", "{name} | {score}")),
    Form("table with title", lambda e: table(e, "# | Title | Score", "{name} | {title} | {score}")),
    Form(
        "table with reason",
        lambda e: table(
            e, "Number | Title | Score | Reason", "{name} | {title} | {score}/10 | part 3"
        ),
    ),
    Form("csv", lambda e: "number,score\n" + lines(e, "{name},{score}")),
    Form("score on next line", lambda e: lines(e, "{name}. {title}\nScore: {score}/10")),
    Form(
        "sorted list", lambda e: lines(sorted_by_score(e), "{place}. [{name}] {title}: {score}/10")
    ),
    Form(
        "sorted titles",
        lambda e: lines(sorted_by_score(e), "{place}. {title}: {score}/10"),
        by_title=True,
    ),
    Form(
        "draft, final",
        lambda e: (
            f"First {json.dumps({str(x.name): 10 - x.score for x in e})}. No."
            f"\n\nFinal scores:\n{scored(e)}"
        ),
    ),
    Form(
        "think",
        lambda e: f"<think>{json.dumps({str(x.name): 10 - x.score for x in e})}</think>{scored(e)}",
    ),
    Form("prose", lambda e: f"Sure, here are my scores:\n\n{scored(e)}\n\nI hope this helps!"),
    Form(
        "numbered unknown titles",
        lambda e: lines(sorted_by_score(e), "{place}. A film: {score}/10"),
        may_be_unread=NOT_NAMED,
    ),
    Form(
        "countdown of unknown titles",
        lambda e: lines(sorted_by_score(e)[::-1], "{place}. A film: {score}/10"),
        may_be_unread=NOT_NAMED,
    ),
    Form("columns", lambda e: columns(e, "id=name", "score=score")),
    Form("table on its side", lambda e: sideways(e, {"Candidate": "name", "Score": "score"})),
    Form("a ranking", ranking, may_be_unread="a ranking has no scores"),
    Form("a ranking as text", lambda e: joined(e, ", "), may_be_unread="a ranking has no scores"),
    Form(
        "table rank id score",
        lambda e: table(sorted_by_score(e), "Rank | ID | Score", "{place} | {name} | {score}"),
    ),
    Form(
        "table rank title score",
        lambda e: table(sorted_by_score(e), "Rank | Title | Score", "{place} | {title} | {score}"),
        by_title=True,
    ),
    Form("score, [name]", lambda e: lines(e, "{score}/10 - [{name}] {title}")),
    Form(
        "score: name",
        lambda e: lines(e, "{score}: {name}"),
        may_be_unread="scores and numbers look alike",
    ),
    Form("table score candidate", lambda e: table(e, "Score | Candidate", "{score} | {name}")),
    Form(
        "names of each score",
        lambda e: json.dumps({k: [x.name for x in e if x.score == k] for k in range(11)}),
        may_be_unread="scores and numbers look alike",
    ),
    Form("inline", lambda e: ", ".join(f"{x.name}: {x.score}" for x in e)),
    Form("inline brackets", lambda e: "; ".join(f"[{x.name}] = {x.score}" for x in e)),
    Form("inline (score)", lambda e: ", ".join(f"{x.name} ({x.score})" for x in e)),
    Form(
        "a sentence",
        lambda e: "I give " + ", ".join(f"video {x.name} a {x.score}" for x in e),
        may_be_unread="a sentence is no list",
    ),
    Form("of 100", lambda e: lines(e, "{name}: {score}0/100")),
    Form("tool call", lambda e: tool_call({"scores": {str(x.name): x.score for x in e}})),
    Form("scores alone", lambda e: lines(e, "{score}"), may_be_unread=NOT_NAMED),
]
