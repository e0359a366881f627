"""What a verdict costs: the difference that so many users show, joined with tokens and dollars."""

from dataclasses import replace

import numpy as np
import pytest
from microrank.evaluation.equivalence import equivalence_p_value
from microrank.services.chat import ask_chat
from microrank.services.forecast import answered_users, forecast_anew
from microrank.services.planned_requests import PlannedRequests
from microrank.services.price import Price
from microrank.services.verdict_costs import Design, Discordance, Row
from microrank.services.verdict_page import first_line, verdict_section
from scipy.stats import binom
from services.scripted import questions

DESIGN = Design(
    everybody=2500, cutoff=10, level=0.05, tests=2, looks=[100, 200, 400, 800, 1600, 2500]
)


@pytest.fixture
def plan(service, settings) -> PlannedRequests:
    asked = questions(settings, 100, max_tokens=50)
    users = [number // 2 for number in range(100)]
    priced = replace(service, requests_per_minute=60, **price_of(1.0, 2.0))
    return PlannedRequests("llama", priced, "tiny", list(asked.values()), users=users)


def price_of(tokens_in: float, tokens_out: float, **more: object) -> dict:
    return {"price": Price(tokens_in, tokens_out, **more)}


@pytest.fixture
def row(plan, store) -> Row:
    anew = forecast_anew(plan, store, set())
    return Row("llama", Discordance(0.44), anew, anew, n_sample=50)


def share_found(random, n: int, differing: float, difference: float, level: float) -> float:
    """How many of drawn studies find the difference, by scipy's binomial distribution."""
    t = random.binomial(n, differing, 20_000)
    wins = random.binomial(t, (1 + difference / differing) / 2)
    return float((2 * binom.cdf(np.minimum(wins, t - wins), t, 0.5) <= level).mean())


@pytest.mark.parametrize("n", [100, 400])
def test_the_difference_told_is_found_four_times_out_of_five_after_the_correction(row, n) -> None:
    found = share_found(np.random.default_rng(n), n, 0.44, row.finds(n, DESIGN), 0.05 / 2)
    assert found == pytest.approx(0.8, abs=0.015)


def test_a_planned_look_finds_by_itself_what_its_own_level_allows(row) -> None:
    level = DESIGN.levels_of_looks[800]
    assert level < 0.025
    difference = row.finds_at_look(800, DESIGN)
    found = share_found(np.random.default_rng(8), 800, 0.44, difference, level)
    assert found == pytest.approx(0.8, abs=0.015)
    assert row.finds_at_look(2500, DESIGN) == pytest.approx(row.finds(2500, DESIGN), rel=0.05)
    assert np.isnan(row.finds_at_look(100, DESIGN)), "the first look asks for too much"


@pytest.mark.parametrize("n", [400, 1600])
def test_the_margin_told_is_excluded_four_times_out_of_five_where_there_is_no_difference(
    row, n
) -> None:
    random, margin, studies = np.random.default_rng(n), row.excludes(n, DESIGN), 400
    excluded = 0
    for t in random.binomial(n, 0.44, studies):
        wins = int(random.binomial(t, 0.5))
        excluded += equivalence_p_value(wins, int(t) - wins, n, margin) <= 0.05 / 2
    assert excluded / studies == pytest.approx(0.8, abs=0.06)


def test_the_users_needed_find_five_of_a_hundred(row) -> None:
    n = row.users_needed(DESIGN)
    assert row.finds(n, DESIGN) <= 0.05 + 1e-6
    assert row.finds(round(0.97 * n), DESIGN) > 0.05
    normal = (2.2414 * 0.44**0.5 + 0.8416 * (0.44 - 0.05**2) ** 0.5) ** 2 / 0.05**2
    assert normal < n < 1.03 * normal, "Connor 1987, of the normal test; the exact one needs more"


def test_tokens_dollars_and_time_grow_with_the_users_and_ignore_kept_answers(row, plan, store):
    whole, four = row.asking(50), row.asking(200)
    assert whole.tokens == row.anew.prompt_tokens + 100 * 50
    assert whole.usd == pytest.approx((row.anew.prompt_tokens + 2 * 100 * 50) / 1e6)
    assert whole.time_s == pytest.approx(100), "two questions a user, sixty a minute"
    assert four.tokens == 4 * whole.tokens
    assert four.usd == pytest.approx(4 * whole.usd)
    assert four.time_s == pytest.approx(400)
    assert whole.batch_usd is None


def test_answered_users_are_those_of_whom_every_answer_is_kept(
    server, store, service, settings, plan
) -> None:
    assert answered_users(plan, store) == []
    ask_chat(questions(settings, 5, max_tokens=50), service, store)
    assert answered_users(plan, store) == [0, 1], "of user 2 one of two is kept"


def test_the_first_line_says_users_tokens_dollars_and_time(row) -> None:
    n = row.users_needed(DESIGN)
    line = first_line([row], DESIGN)
    asking = row.asking(n)
    assert line == (
        f"**To find 5 hits of 100 takes about {n:,} users: {asking.tokens:,} tokens, "
        f"{asking.usd:.4f} dollars, {asking.time_s / 60:.0f} min.**"
    )
    few = first_line([row], replace(DESIGN, everybody=900))
    assert f"{n:,} users, and only 900 can be drawn: " in few


def test_where_too_few_differ_no_number_of_users_is_named(row) -> None:
    same = replace(row, differing=Discordance(0.03, 60))
    line = first_line([same], DESIGN)
    assert line == "**No number of users finds 5 hits of 100: at most 3.0% of them differ at all.**"
    assert "for 1 of 2 rows (of the others too few users differ)" in first_line([row, same], DESIGN)
    nobody = replace(row, differing=Discordance(0.0, 60))
    assert "| nothing | nothing | ± 0.0 |" in "\n".join(verdict_section([nobody], DESIGN))


def test_what_two_rows_ask_alike_is_paid_once(row, plan, store) -> None:
    asked: set[str] = set()
    rows = [
        replace(row, method=name, besides=forecast_anew(plan, store, asked)) for name in ("a", "b")
    ]
    n = row.users_needed(DESIGN)
    line = first_line(rows, DESIGN)
    assert "for all 2 language-model rows together" in line
    assert f" {row.asking(n).tokens:,} tokens" in line


def test_the_table_has_each_size_and_says_correction_level_looks_and_the_guess(row) -> None:
    page = "\n".join(verdict_section([row], DESIGN))
    sizes = [line.split(" | ")[1] for line in page.splitlines() if line.startswith("| `llama`")]
    assert sizes == ["100", "400", "1,600", "all 2,500"]
    assert "a guess, that 44% of users" in page
    assert "has 2 tests; all numbers are at the first step of Holm's correction, p ≤ 0.025" in page
    for look, level in DESIGN.levels_of_looks.items():
        assert f"{look:,}: {level:.2g}" in page
    counted = replace(row, differing=Discordance(0.4, 50))
    assert "40% of the 50 users with kept answers" in "\n".join(verdict_section([counted], DESIGN))


def test_a_small_population_has_one_size(row) -> None:
    design = replace(DESIGN, everybody=90, looks=[90])
    page = verdict_section([row], design)
    assert len([line for line in page if line.startswith("| `llama`")]) == 1
    assert binom.pmf(0, 90, 0.5) < design.levels_of_looks[90], "one look at all has the level"


def test_a_model_in_this_process_is_free_and_its_time_unknown_before_an_answer(
    row, plan, store
) -> None:
    local = [{**request, "adapter": "local"} for request in plan.requests]
    local = [{**one, "body": {"messages": one["body"]["messages"]}} for one in local]
    anew = forecast_anew(replace(plan, requests=local), store, set())
    asking = replace(row, anew=anew, besides=anew).asking(100)
    assert (asking.usd, asking.time_s) == (0.0, None)
    assert asking.tokens == 2 * anew.prompt_tokens, "nothing is written"
    line = first_line([replace(row, anew=anew, besides=anew)], DESIGN)
    assert line.endswith("tokens, no dollars, time unknown.**")


def test_the_batch_price_stands_in_the_first_line_and_the_table_where_the_entry_has_one(
    row, plan, store
) -> None:
    cheap = replace(plan.service, **price_of(1.0, 2.0, batch=0.5))
    anew = forecast_anew(replace(plan, service=cheap), store, set())
    priced = replace(row, anew=anew, besides=anew)
    asking = priced.asking(priced.users_needed(DESIGN))
    assert asking.batch_usd == pytest.approx(asking.usd / 2)
    assert first_line([priced], DESIGN).endswith(
        f"; at batch price {asking.batch_usd:.4f} dollars.**"
    )
    assert f"| {priced.asking(100).batch_usd:.4f} |" in "\n".join(verdict_section([priced], DESIGN))
    in_batches = replace(plan, service=cheap.in_batches)
    paid = forecast_anew(in_batches, store, set())
    asking = replace(row, anew=paid, besides=paid).asking(400)
    assert asking.usd == pytest.approx(priced.asking(400).batch_usd)
    assert asking.batch_usd is None, "the one price that is paid"
    assert asking.time_s == 24 * 3600, "one window, however many"


def test_without_a_language_model_the_first_line_says_so() -> None:
    assert "no verdict to pay for" in first_line([], DESIGN)
    assert verdict_section([], DESIGN) == []
