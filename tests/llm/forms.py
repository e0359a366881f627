"""Forms in which models write an answer: one line each. A new form is a new line.

A form makes the text of an answer from its entries, which stand in the order that is meant.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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
    """A line for each entry: {place}, {name}, {title}, {short}, {score}, {th} and {down}."""
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


def table(entries: Entries, head: str, form: str) -> str:
    return f"| {head} |\n|{'---|' * (head.count('|') + 1)}\n" + lines(entries, f"| {form} |")


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
        may_be_unread="a reversed list",
    ),
    Form(
        "two lists",
        lambda e: json.dumps({"a": names(e), "b": names(e)[::-1]}),
        may_be_unread="nothing says which list",
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
]
