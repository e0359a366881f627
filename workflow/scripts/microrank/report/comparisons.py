"""Whether a published figure and ours are the same: compatible, or they differ, or neither."""

from dataclasses import dataclass

from microrank.evaluation.intervals import newcombe_interval, prediction_interval
from microrank.evaluation.seeds import SeedRow
from microrank.report.claims import Claim, Figure
from microrank.report.study import Study

COMPATIBLE, DIFFERS, NOT_COMPARABLE = "compatible", "differs", "not comparable"
OTHER_CANDIDATES = {
    "random": "candidates drawn at random",
    "several": "candidates of several recommenders",
    "catalogue": "the whole catalogue ranked",
}
KINDS = {"encoder": ("encoder",), "llm": ("llm", "simulated llm"), "reference": ("reference",)}


@dataclass(frozen=True)
class Comparison:
    """What a published figure says beside ours.

    Attributes:
        verdict: COMPATIBLE, DIFFERS or NOT_COMPARABLE.
        reason: Why they cannot be compared; empty where they can.
        interval: Of users of two samples, where our rate less theirs lies; of NFM over all users,
            where one more run of ours would fall. None where they cannot be compared.
    """

    verdict: str
    reason: str = ""
    interval: tuple[float, float] | None = None

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}" if self.reason else self.verdict


def other_protocol(study: Study, claim: Claim) -> str:
    """Say why none of a claim's figures compares with ours; empty where they may."""
    checks = (_other_data, _other_recommender, _other_recipe, _other_users, _other_candidates)
    return next((reason for check in checks if (reason := check(study, claim))), "")


def methods_beside(study: Study, claim: Claim) -> list[str]:
    """Return our rows that are the claim's method: the same kind, settings and model."""
    if claim.kind == "recommender":
        return [study.recommender]
    return [
        name
        for name in study.of_kind(*KINDS[claim.kind])
        if claim.model
        and claim.model.lower() in _model_of(study, name).lower()
        and claim.settings.items() <= study.methods[name].settings.items()
    ]


def compare(study: Study, claim: Claim, figure: Figure, method: str) -> Comparison:
    """Compare a published figure with ours.

    Args:
        study: Ours.
        claim: What the figure is about.
        figure: One of the claim's.
        method: Our row, from `methods_beside`.
    """
    if reason := other_protocol(study, claim):
        return Comparison(NOT_COMPARABLE, reason)
    of_path = _compare_runs if claim.protocol.is_over_all_users else _compare_samples
    return of_path(study, claim, figure, method)


def each_confidence(study: Study, claim: Claim) -> float:
    """Return the confidence of one of a claim's intervals, so that all together keep the level."""
    return 1 - study.level / len(claim.figures)


def runs_of(study: Study, figure: Figure) -> SeedRow | None:
    """Return the spread over seeds of our figure over all users; None where there was one run."""
    return study.seed_rows.get((study.recommender, f"{figure.metric}_all_users", figure.cutoff))


def _compare_runs(study: Study, claim: Claim, figure: Figure, method: str) -> Comparison:
    """Compare a figure of the recommender over all users: users are the same, seeds are not."""
    if study.nfm is None or figure.name not in study.nfm.all_users.values:
        return Comparison(NOT_COMPARABLE, "not measured here")
    runs = runs_of(study, figure)
    if runs is None:
        return Comparison(NOT_COMPARABLE, "one run here")
    confidence = each_confidence(study, claim)
    interval = prediction_interval(runs.mean, runs.sd, runs.n_seeds, confidence)
    return _judged(figure.value, interval)


def _compare_samples(study: Study, claim: Claim, figure: Figure, method: str) -> Comparison:
    """Compare a rate of two samples of users, both of which vary."""
    if figure.metric not in ("hits", "hr"):
        return Comparison(NOT_COMPARABLE, "a mean without its spread")
    if claim.n is None:
        return Comparison(NOT_COMPARABLE, "of how many users is not told")
    row = study.find_row(method, "hits", figure.cutoff)
    if row is None:
        return Comparison(NOT_COMPARABLE, "not measured here")
    theirs = figure.value if figure.metric == "hits" else figure.value * claim.n
    ours, confidence = round(row.value), each_confidence(study, claim)
    interval = newcombe_interval(ours, study.n_users, round(theirs), claim.n, confidence)
    return _judged(0.0, interval)


def _judged(value: float, interval: tuple[float, float]) -> Comparison:
    """Say whether a value lies in an interval."""
    low, high = interval
    return Comparison(COMPATIBLE if low <= value <= high else DIFFERS, interval=interval)


def _other_data(study: Study, claim: Claim) -> str:
    ours = study.settings["dataset"]
    is_same = claim.protocol.dataset.lower() == ours.lower() and not study.settings["synthetic"]
    return "" if is_same else "other data"


def _other_recommender(study: Study, claim: Claim) -> str:
    is_same = claim.protocol.recommender.lower() == study.recommender.lower()
    return "" if is_same else "other recommender"


def _other_recipe(study: Study, claim: Claim) -> str:
    """Name the keys that differ; a recipe of ours that lacks one has the source's value."""
    ours = study.settings.get("nfm", {})
    other = [key for key, value in claim.protocol.recipe.items() if ours.get(key, value) != value]
    return f"other recipe ({', '.join(other)})" if other else ""


def _other_users(study: Study, claim: Claim) -> str:
    if claim.protocol.is_over_all_users and claim.kind == "recommender":
        return ""
    theirs_have_hits = claim.protocol.users == "hits"
    if theirs_have_hits == study.hits_only:
        return ""
    return "users drawn from all" if theirs_have_hits else "users with a hit alone"


def _other_candidates(study: Study, claim: Claim) -> str:
    protocol = claim.protocol
    if protocol.is_over_all_users and claim.kind == "recommender":
        return ""
    if protocol.candidates != "top":
        return OTHER_CANDIDATES[protocol.candidates]
    return f"lists of {study.k}" if protocol.length not in (None, study.k) else ""


def _model_of(study: Study, method: str) -> str:
    """Return the name of the model behind one of our rows, or of the reference."""
    settings = study.methods[method].settings
    for kind in ("encoder", "llm"):
        if kind in settings:
            return str(study.settings[f"{kind}s"][settings[kind]]["model"])
    return str(settings.get("reference", ""))
