"""What must be looked at before a decision, and what quotes make every asset worth: for desk and rehearsal alike."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.instruments import asset_of
from trading_mcp.core.domain.market import Price, Quote
from trading_mcp.core.domain.money import ONE, is_amount
from trading_mcp.core.domain.proposals import ProposedOrder

_TWO: Final = Decimal(2)
_STABLE: Final = frozenset({"USDT", "USDC"})


def pairs_of(command: c.AnyCommand | None, book: Book) -> frozenset[str]:
    """Return the pairs a command is about, beside all that is held."""
    match command:
        case c.Execute():
            return frozenset({command.intent.pair})
        case c.ReportFill():
            return frozenset({command.fill.pair})
        case c.AdoptForeign():
            return frozenset({command.position.pair})
        case c.ReportCash():
            return frozenset({f"{command.asset}-USDT", f"{command.asset}-{book.home.base_currency}"})
        case c.Approve():
            proposal = book.proposals.get(command.proposal_id)
            body = None if proposal is None else proposal.body
            return frozenset({body.intent.pair}) if isinstance(body, ProposedOrder) else frozenset()
        case _:
            return frozenset()


def wanted_pairs(book: Book, pairs: Iterable[str]) -> set[str]:
    """Return the pairs to look at: those asked about, all that is held or working, and coins held as cash."""
    wanted = {*pairs}
    wanted |= {position.pair for position in book.portfolio.positions.values()}
    wanted |= {working.order.pair for working in book.working.values()}
    wanted |= {order.pair for orders in book.foreign.values() for order in orders}
    known = stables_of(book) | {book.home.base_currency}
    held = {key.split("/", 1)[1] for key, amount in book.portfolio.cash.items() if amount}
    wanted |= {f"{asset}-{quote}" for asset in held - known for quote in ("USDT", book.home.base_currency)}
    return wanted


def stables_of(book: Book) -> frozenset[str]:
    """Return the coins that stand for money, each at its own market price."""
    return book.policy.account.stablecoins | _STABLE


def took(quote: Quote, key: str, quotes: dict[str, Quote], quotes_before: dict[str, Quote]) -> None:
    """Take a look at a pair; two looks at one and the same quote are one."""
    before = quotes.get(key)
    if before is not None and quote.at > before.at:
        quotes_before[key] = before
    quotes[key] = quote


def prices_of(
    book: Book, pairs: set[str], quotes: Mapping[str, Quote], stable_quotes: Iterable[tuple[str, Quote]]
) -> dict[str, Price]:
    """Value each asset by the freshest of its pairs at the venues, stablecoins at market."""
    base, stables = book.home.base_currency, stables_of(book)
    prices: dict[str, Price] = {}
    for stable, quote in stable_quotes:
        _value(prices, stable, quote, ONE, quote.confirmed_at)
    for key, quote in quotes.items():
        pair = key.split("/", 1)[1]
        if pair in pairs and asset_of(pair) not in stables:
            rate, at = _rate(pair, prices, base, quote.confirmed_at)
            if rate is not None:
                _value(prices, asset_of(pair), quote, rate, at)
    return prices


def _rate(pair: str, prices: dict[str, Price], base: str, at: int) -> tuple[Decimal | None, int]:
    currency = pair.split("-", 1)[1] if "-" in pair else "USD"
    if currency == base:
        return ONE, at
    price = prices.get(currency)
    return (None, at) if price is None else (price.value, min(at, price.confirmed_at))


def _value(prices: dict[str, Price], asset: str, quote: Quote, rate: Decimal, at: int) -> None:
    """Take the middle of a quote as an asset's price, unless a fresher one is known or the quote is none."""
    known = prices.get(asset)
    if (known is None or known.confirmed_at < at) and is_amount(quote.bid) and is_amount(quote.ask):
        prices[asset] = Price(value=(quote.bid + quote.ask) / _TWO * rate, confirmed_at=at)
