"""What answers cost: cached tokens, reasoning, and answers that come in batches."""

import pytest
from microrank.services.price import Price
from microrank.services.settings import BATCH, Service
from microrank.services.usage import Usage

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("batch", "usd"),
    [
        (None, 0.5 * 2 + 0.5 * 1 + 8),
        (0.5, 0.5 * (0.5 * 2 + 0.5 * 1 + 8)),
        ({"input": 1, "output": 3}, 1 + 3),
        ({"input": 1, "cached_input": 0.2, "output": 3}, 0.5 * 1 + 0.5 * 0.2 + 3),
    ],
)
def test_a_batch_costs_a_share_or_its_own_prices_and_reasoning_is_output(batch, usd):
    price = Price(2.0, 8.0, cached_input=1.0, batch=batch)
    usage = Usage(MILLION, MILLION, reasoning_tokens=MILLION // 2, cached_tokens=MILLION // 2)
    service = Service("llms.tiny", "http://x", price=price)
    assert service.cost_usd(usage) == pytest.approx(0.5 * 2 + 0.5 * 1 + 8)
    assert service.in_batches.cost_usd(usage) == pytest.approx(usd)


def test_prices_of_the_config_are_read_with_their_day_and_mode():
    section = {
        "base_url": "http://x",
        "mode": BATCH,
        "price": {"input": 2, "output": 8, "batch": 0.5, "as_of": "2026-11-27"},
    }
    service = Service.from_config("llms.tiny", section)
    assert service.price == Price(2, 8, batch=0.5, as_of="2026-11-27")
    assert service.cost_usd(Usage(MILLION, 0)) == pytest.approx(1.0)


def test_without_a_price_nothing_is_said_of_money():
    assert Service("llms.tiny", "http://x").in_batches.cost_usd(Usage(1, 1)) is None
