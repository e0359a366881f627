"""What diagnostics.json holds: why a method does what it does."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from microrank.errors import StudyError
from microrank.files import read_json
from microrank.llm.answer_counts import AnswerCounts
from microrank.rerank.repairs import Repairs
from microrank.services.price import Price

PRICED = ("prompt_tokens", "completion_tokens", "cached_tokens")
RECOMMENDER = "recommender"  # what the recommender's own order is called in `agreement`


@dataclass(frozen=True)
class Positions:
    """Users and hits by the position of the held-out item.

    Attributes:
        users: [k], how many had their item at position 1…k.
        hits: [k], for how many of them the item ends among the first `hit_cutoff`.
    """

    users: list[int]
    hits: list[int]


@dataclass(frozen=True)
class Popularity:
    """Median training count of the items that a method moves; None where it moves none.

    Attributes:
        promoted: What is known of the items that it moves up.
        demoted: What is known of the items that it moves down.
    """

    promoted: float | None
    demoted: float | None


@dataclass(frozen=True)
class Titles:
    """Titles that language models are shown.

    Attributes:
        shown: Number of items in histories and lists.
        like_instructions: How many of their titles read like instructions to a model.
    """

    shown: int
    like_instructions: int


@dataclass(frozen=True)
class Usage:
    """Who answered, and the tokens that it took.

    Attributes:
        answers: Number of answers; an answer that several methods share counts once.
        without_usage: How many of them came without a count of tokens.
        prompt_tokens: Sum over the others.
        completion_tokens: Sum over the others.
        served_models: Names of the models that answered.
        cached_tokens: How many of the tokens in the services had cached, as far as they say.
        reasoning_tokens: How many of the tokens out were reasoning, as far as they say.
        in_batch: Tokens of those answers that came in batches: prompt, completion, cached.
        expected: What was expected before the first question was asked, of the same answers; None
            where that is not known of all.
        expected_in_batch: The same of those that came in batches.
    """

    answers: int
    without_usage: int
    prompt_tokens: int
    completion_tokens: int
    served_models: list[str]
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    in_batch: Mapping[str, float] = field(default_factory=dict)
    expected: Mapping[str, float] | None = None
    expected_in_batch: Mapping[str, float] = field(default_factory=dict)

    def dollars(self, price: Price) -> float:
        """Return what the answers cost whose tokens were counted, in US dollars."""
        took = {name: getattr(self, name) for name in PRICED}
        return _dollars(price, took, self.in_batch)

    def expected_dollars(self, price: Price) -> float | None:
        """Return what they were expected to cost; None where that is not known."""
        if self.expected is None:
            return None
        return _dollars(price, self.expected, self.expected_in_batch)


def _dollars(price: Price, tokens: Mapping[str, float], in_batch: Mapping[str, float]) -> float:
    """Return what tokens cost, some of which came in batches."""
    direct = {name: tokens[name] - in_batch.get(name, 0) for name in PRICED}
    return price.dollars(**direct) + price.in_batch.dollars(
        **{name: in_batch.get(name, 0) for name in PRICED}
    )


@dataclass(frozen=True)
class Asked:
    """What a method asked a language model.

    Attributes:
        repairs: How many answers were read and repaired.
        counts: Answers about the subset that name nothing, are cut, or repeat the order shown.
        subset: Usage of the answers about the subset.
        tuning: Usage of those about tuning users; None where no fusion with the method was tuned.
        prompts_cut: Prompts that the server probably cut: it counted far too few tokens.
    """

    repairs: Repairs
    counts: AnswerCounts
    subset: Usage
    tuning: Usage | None = None
    prompts_cut: int = 0

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "Asked":
        """Read what `to_json` of `Diagnostics` gives."""
        tuning = section["tuning"]
        return cls(
            repairs=Repairs.from_json(section["repairs"]),
            counts=AnswerCounts(**section["counts"]),
            subset=Usage(**section["subset"]),
            tuning=Usage(**tuning) if tuning is not None else None,
            prompts_cut=section["prompts_cut"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "repairs": self.repairs.to_json()}


@dataclass(frozen=True)
class MethodDiagnostics:
    """What is known of one method beside its metrics.

    Attributes:
        by_recommender_position: Hits by the held-out item's position in the recommender's list.
        flow: [bins][bins], users whose item moved from the one bin of the list to the other.
        kendall_to_recommender: Mean Kendall τ to the recommender's order; None for lists of one
            item.
        popularity: Popularity of the items that it moves.
        hits: Users with a hit.
        hits_from_fallback: How many of them the method itself did not name.
        by_shown_position: Hits of single answers by the position at which a language model was
            shown the item; None for other methods.
        kendall_to_shown: Mean Kendall τ of single answers to the order shown; None likewise.
    """

    by_recommender_position: Positions
    flow: list[list[int]]
    kendall_to_recommender: float | None
    popularity: Popularity
    hits: int
    hits_from_fallback: int
    by_shown_position: Positions | None = None
    kendall_to_shown: float | None = None

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "MethodDiagnostics":
        """Read what `to_json` of `Diagnostics` gives."""
        shown = section["by_shown_position"]
        return cls(
            **{
                **section,
                "by_recommender_position": Positions(**section["by_recommender_position"]),
                "popularity": Popularity(**section["popularity"]),
                "by_shown_position": Positions(**shown) if shown is not None else None,
            }
        )


@dataclass(frozen=True)
class Diagnostics:
    """What is known of all methods beside their metrics.

    Attributes:
        n_users: Size of the subset.
        k: Length of the lists.
        hit_cutoff: N at which an item counts as a hit here.
        titles: What language models are shown.
        methods: Method -> its diagnostics.
        shuffle: Popularity of the items that shuffles move.
        asked: Method, or part of a fusion, that asked a language model -> what it asked.
        agreement: Mean Kendall τ of each pair of methods, the recommender among them.
    """

    n_users: int
    k: int
    hit_cutoff: int
    titles: Titles
    methods: Mapping[str, MethodDiagnostics]
    shuffle: Popularity
    asked: Mapping[str, Asked]
    agreement: Mapping[str, Mapping[str, float | None]]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "asked": {name: of.to_json() for name, of in self.asked.items()}}

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "Diagnostics":
        """Read what `to_json` gives.

        Raises:
            KeyError, TypeError: A value is missing, or is of another kind.
        """
        methods = section["methods"].items()
        return cls(
            **{
                **section,
                "titles": Titles(**section["titles"]),
                "methods": {name: MethodDiagnostics.from_json(of) for name, of in methods},
                "shuffle": Popularity(**section["shuffle"]),
                "asked": {name: Asked.from_json(of) for name, of in section["asked"].items()},
            }
        )


def read_diagnostics(path: str) -> Diagnostics:
    """Read diagnostics.json.

    Raises:
        StudyError: The file is not whole, or an older version wrote it.
    """
    section = read_json(path)
    try:
        return Diagnostics.from_json(section)
    except (KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"{path}: not the diagnostics of this version ({error}); delete the file and run again"
        ) from None
