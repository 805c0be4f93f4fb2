"""What a decision must look at, and what the quotes that were seen make each asset worth."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.core.domain.making import NOON, D, fill, fresh, intent
from tests.core.guardrails.world import quiet, quote, resting
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.market import Price, Quote
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.domain.orders import ForeignOrder, Side
from trading_mcp.core.domain.portfolio import Position
from trading_mcp.core.domain.proposals import Proposal, ProposedClose, ProposedOrder
from trading_mcp.core.domain.sight import pairs_of, prices_of, stables_of, took, wanted_pairs


def waiting(body: ProposedOrder | ProposedClose) -> Book:
    proposal = Proposal(
        id="p", body=body, body_hash="", door=intent().door, client="", reason="", opened_at=0, expires_at=1
    )
    return replace(fresh(), proposals={"p": proposal})


ORDER = ProposedOrder(intent=intent(), quantity=D(1), price_worst=D(1), reference=D(1), venue="paper", position=D(0))


NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("command", "book", "pairs"),
    [
        (c.Execute(intent=intent()), fresh(), {intent().pair}),
        (c.ReportFill(fill=fill("buy", "1", "10")), fresh(), {fill("buy", "1", "10").pair}),
        (c.ReportCash(venue="paper", asset="BTC", amount=D(1), transfer_id="t"), fresh(), {"BTC-USDT", "BTC-USD"}),
        (c.Approve(proposal_id="p"), waiting(ORDER), {intent().pair}),
        (c.Approve(proposal_id="p"), waiting(ProposedClose(position="a/b/c", quantity=D(1))), NONE),
        (c.Approve(proposal_id="never"), waiting(ORDER), NONE),
        (c.Tick(), fresh(), NONE),
        (None, fresh(), NONE),
    ],
)
def test_a_command_is_about_the_pairs_it_names(command: c.AnyCommand | None, book: Book, pairs: set[str]) -> None:
    assert pairs_of(command, book) == pairs


def test_all_that_is_held_working_or_kept_as_a_coin_is_looked_at() -> None:
    book = fresh()
    held = Position(book="manual", venue="paper", pair="ETH-USDT", quantity=D(1), average=D(1))
    strange = ForeignOrder(venue_order_id="f", pair="SOL-USDT", side=Side.BUY, remaining=D(1))
    cash = {"paper/USDT": D(5), "paper/USD": D(5), "paper/BNB": D("0.1"), "paper/ADA": D(0), "other/USDC": D(5)}
    order = resting("BTC-USDT")
    book = replace(
        book,
        portfolio=replace(book.portfolio, positions={held.key: held}, cash=cash),
        working={order.order.id: order},
        foreign={"paper": (strange,)},
    )
    assert wanted_pairs(book, ["AAPL"]) == {"AAPL", "ETH-USDT", "BTC-USDT", "SOL-USDT", "BNB-USDT", "BNB-USD"}


def test_the_policy_names_stablecoins_and_two_are_known_without_it() -> None:
    book = fresh()
    account = replace(book.policy.account, stablecoins=frozenset({"DAI"}))
    assert stables_of(replace(book, policy=replace(book.policy, account=account))) == {"DAI", "USDT", "USDC"}


def test_two_looks_at_one_quote_are_one() -> None:
    first, second = quote("BTC-USDT", "1", "2", at=1), quote("BTC-USDT", "3", "4", at=2)
    now: dict[str, Quote] = {}
    before: dict[str, Quote] = {}
    took(first, "k", now, before)
    assert (now, before) == ({"k": first}, {})
    took(first, "k", now, before)
    assert (now, before) == ({"k": first}, {})
    took(second, "k", now, before)
    assert (now, before) == ({"k": second}, {"k": first})


def worth(*quotes: Quote, stables: tuple[Quote, ...] = (), pairs: set[str] | None = None) -> dict[str, Price]:
    seen = {f"{item.venue}/{item.pair}": item for item in quotes}
    asked = {item.pair for item in quotes} if pairs is None else pairs
    with exactly():
        return prices_of(quiet().book, asked, seen, [(item.pair.partition("-")[0], item) for item in stables])


def at(value: str, moment: int) -> Price:
    return Price(value=Decimal(value), confirmed_at=moment)


TETHER = quote("USDT-USD", "0.98", "1", at=NOON)


def test_an_asset_is_worth_the_middle_of_its_quote_in_the_base_currency() -> None:
    assert worth(quote("BTC-USD", "99", "101", at=NOON)) == {"BTC": at("100", NOON)}
    assert worth(quote("BTC-USDT", "99", "101", at=NOON), stables=(TETHER,)) == {
        "USDT": at("0.99", NOON),
        "BTC": at("99", NOON),
    }
    (stock,) = worth(quote("AAPL", "99", "101", at=NOON)).values()
    assert stock == at("100", NOON)


@pytest.mark.parametrize(("own", "other"), [(NOON - 1, NOON), (NOON, NOON - 1)])
def test_a_worth_is_as_old_as_the_older_of_the_two_prices_it_is_made_of(own: int, other: int) -> None:
    tether = replace(TETHER, confirmed_at=other)
    assert worth(quote("BTC-USDT", "99", "101", at=own), stables=(tether,))["BTC"].confirmed_at == NOON - 1


def test_without_a_price_of_its_currency_an_asset_has_none() -> None:
    assert worth(quote("BTC-USDT", "99", "101", at=NOON)) == {}


def test_what_nobody_asked_for_and_a_stablecoin_by_way_of_a_venue_are_not_valued() -> None:
    assert worth(quote("BTC-USD", "99", "101", at=NOON), pairs={"ETH-USD"}) == {}
    assert worth(quote("USDT-USD", "0.5", "0.5", at=NOON)) == {}


@pytest.mark.parametrize(("later", "value"), [(-1, "100"), (0, "100"), (1, "200")])
def test_the_freshest_pair_decides_and_of_two_as_fresh_the_first(later: int, value: str) -> None:
    first, second = quote("BTC-USD", "99", "101", at=NOON), quote("BTC-USD", "199", "201", venue="z", at=NOON + later)
    assert worth(first, second)["BTC"] == at(value, max(NOON, NOON + later))


@pytest.mark.parametrize(("bid", "ask"), [("NaN", "101"), ("99", "NaN"), ("0", "101"), ("99", "Infinity")])
def test_a_quote_that_is_none_makes_no_price(bid: str, ask: str) -> None:
    assert worth(quote("BTC-USD", bid, ask, at=NOON)) == {}
