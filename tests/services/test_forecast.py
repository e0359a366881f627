"""The forecast: what is missing, what it takes, whether the budget holds; and nobody is asked."""

import json
from dataclasses import replace

import pytest
from microrank.services.budget import Budget
from microrank.services.chat import ask_chat
from microrank.services.forecast import ASSUMED_LATENCY_S, forecast
from microrank.services.forecast_page import forecast_page
from microrank.services.planned_requests import PlannedRequests
from microrank.services.price import Price
from microrank.services.store import Entry, Store
from services.scripted import completion, questions


@pytest.fixture
def plan(service, settings) -> PlannedRequests:
    asked = questions(settings, 100, max_tokens=50)
    return PlannedRequests(
        "method", replace(service, price=Price(1.0, 2.0)), "tiny", list(asked.values())
    )


def test_all_is_missing_at_first_and_nobody_is_asked(server, store, plan):
    one = forecast(plan, store, set())
    assert (one.kept, one.missing, one.measured) == (0, 100, False)
    assert one.completion_tokens == 100 * 50
    assert one.prompt_tokens == 10 * (3 + 8) + 90 * (
        4 + 8
    )  # "question 0" is 10 bytes, "question 10" is 11
    assert one.cost_usd == pytest.approx((one.prompt_tokens + 2 * one.completion_tokens) / 1e6)
    assert one.time_s == pytest.approx(100 * ASSUMED_LATENCY_S / plan.service.concurrency)
    assert server.bodies == []


def test_after_some_answers_only_the_missing_ones_count_at_their_true_size(
    server, store, service, settings, plan
):
    ask_chat(questions(settings, 40, max_tokens=50), service, store)
    one = forecast(plan, store, set())
    assert (one.kept, one.missing, one.measured) == (40, 60, True)
    assert one.prompt_tokens == pytest.approx(60 * 11, abs=60)
    assert one.completion_tokens == 60 * 5
    assert one.time_s < 60 * ASSUMED_LATENCY_S / service.concurrency


def test_two_methods_that_ask_the_same_are_counted_once(store, plan):
    asked = set()
    assert [
        forecast(one, store, asked).missing for one in (plan, replace(plan, method="again"))
    ] == [100, 0]


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [({"requests_per_minute": 10}, 600), ({"tokens_per_minute": 100}, 60 * (1190 + 5000) / 100)],
)
def test_time_follows_the_slowest_limit(store, plan, limits, seconds):
    plan = replace(plan, service=replace(plan.service, **limits))
    assert forecast(plan, store, set()).time_s == pytest.approx(seconds, rel=0.01)


def test_batches_are_what_takes_time(store, plan):
    assert forecast(replace(plan, batch_size=32), store, set()).time_s == pytest.approx(
        4 * ASSUMED_LATENCY_S / 4
    )


def test_the_page_says_what_is_missing_what_it_costs_and_whether_the_budget_holds(store, plan):
    page = forecast_page([plan], store, Budget(requests=50, usd=1.0), "sample")
    assert "| method | llms.tiny | tiny | 100 | 0 | 100 |" in page
    assert "In all 100 answers are missing, for about 0.0112 USD (at most 0.0121)." in page
    assert "`budget.requests`: 50; used so far 0; needed 100: NOT enough" in page
    assert "`budget.usd`: 1; used so far 0; needed 0.01119: enough" in page


def test_with_every_answer_kept_nothing_is_left_to_pay(server, store, service, settings, plan):
    ask_chat(questions(settings, 100, max_tokens=50), service, store)
    page = forecast_page([plan], Store(store.folder, offline=True), Budget(), "sample")
    assert "| 100 | 100 | 0 | 0 | 0 | 0 | 0 s |" in page
    assert "In all 0 answers are missing." in page
    assert "offline" not in page


def test_offline_a_missing_answer_is_announced(store, plan):
    assert "the run would end with an error" in forecast_page(
        [plan], Store(store.folder, offline=True), Budget(), "sample"
    )


def test_simulated_answers_are_free_and_no_part_of_the_sum(store, plan, settings):
    simulated = replace(plan, requests=list(questions(settings, 7, adapter="simulated").values()))
    page = forecast_page([plan, simulated], store, Budget(requests=100), "sample")
    assert (
        "In all 100 answers are missing, for about 0.0112 USD (at most 0.0121); "
        "besides 7 simulated ones, which are free." in page
    )
    assert "needed 100: enough" in page


def test_without_methods_that_ask_there_is_a_page_too(store):
    assert "No method of the configuration asks a service." in forecast_page(
        [], store, Budget(), "sample"
    )


def test_the_page_says_what_answers_take_at_most_where_kept_ones_were_short(
    server, store, service, settings, plan
):
    """Kept answers took 5 tokens each; a reasoning model may use all 50 that it may."""
    ask_chat(questions(settings, 40, max_tokens=50), service, store)
    page = forecast_page([plan], store, Budget(tokens=2000), "sample")
    assert "needed 974: probably enough; NOT, if answers are as long as they may be (4260)" in page
    assert "for about 0.0013 USD (at most 0.0073)" in page


def test_a_limit_under_its_newer_name_is_what_answers_may_take(store, service, settings):
    extra = {"max_completion_tokens": 3000}
    asked = questions(settings, 2, max_tokens=None, extra=extra)
    plan = PlannedRequests("method", service, "tiny", list(asked.values()))
    assert forecast(plan, store, set()).completion_tokens == 6000


def test_answers_without_a_limit_are_told_to_have_none(store, service, settings):
    asked = questions(settings, 2, max_tokens=None)
    priced = replace(service, price=Price(1.0, 2.0))
    plan = PlannedRequests("method", priced, "tiny", list(asked.values()))
    page = forecast_page([plan], store, Budget(tokens=10**6), "sample")
    assert "NOT enough: answers without max_tokens are not asked for under this limit" in page
    assert ", but for answers without max_tokens)" in page


def test_what_older_versions_kept_and_is_not_whole_counts_as_missing(store, settings, plan):
    request = plan.requests[0]
    store.put(Entry(request, json.dumps(completion("1, 2", "error"))))
    assert (forecast(plan, store, set()).kept, forecast(plan, store, set()).missing) == (0, 100)
