"""What the synthetic market lists: ten crypto pairs against USDT, three stocks, and USDT itself."""

from decimal import Decimal
from typing import Final

import msgspec

from trading_mcp.core.domain.instruments import Instrument, Kind
from trading_mcp.core.domain.market import Market, market_of
from trading_mcp.core.domain.orders import TimeInForce

VENUE: Final = "paper"
SOURCE: Final = "SIMULATED"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """How one pair is priced and moves; integers, so that nothing rounds differently elsewhere."""

    pair: str
    level: int  # the price it lives around, in steps
    step: Decimal
    lot: Decimal
    swing: int  # deviation of one minute, millionths
    shared: int  # per cent of the deviation that comes from the market it belongs to
    spread: int  # ordinary spread, millionths of the price
    resting: int  # ordinary quantity at one level of the book, lots
    traded: int  # ordinary volume of one minute, lots
    tradable: bool = True

    @property
    def market(self) -> Market:
        return market_of(self.pair)

    @property
    def own(self) -> int:
        """Per cent of the deviation that is the pair's own: what the shared part leaves over."""
        return _OWN[self.shared]

    def instrument(self, venue: str = VENUE) -> Instrument:
        """The pair as the venue offers it."""
        base, _, quote = self.pair.partition("-")
        crypto = self.market is Market.CRYPTO
        return Instrument(
            venue=venue,
            pair=self.pair,
            kind=Kind.CRYPTO if crypto else Kind.STOCK,
            market=self.market,
            base=base,
            quote=quote or "USD",
            price_step=self.step,
            quantity_step=self.lot,
            quantity_min=self.lot,
            quantity_max=self.lot * self.traded * 1000,
            notional_min=Decimal(5) if crypto else Decimal(1),
            notional_max=Decimal(9_000_000),
            # A session of stocks ends; a market that never closes has no day to trade for.
            times_in_force=frozenset(TimeInForce) - {TimeInForce.DAY} if crypto else frozenset(TimeInForce),
            fee_rate=Decimal("0.001") if crypto else Decimal(0),
        )


_OWN: Final = {0: 100, 76: 65, 80: 60, 82: 57, 88: 47, 95: 31}  # squares of both add up to 100 %


def _listed(
    pair: str, price: str, step: str, lot: str, moves: tuple[int, int, int], size: tuple[int, int]
) -> Listing:
    """A listing from what people know of it: its price, and the dollars at one level and in one minute."""
    level = Decimal(price) / Decimal(step)
    a_lot = Decimal(price) * Decimal(lot)
    swing, shared, spread = moves
    return Listing(
        pair=pair,
        level=int(level),
        step=Decimal(step),
        lot=Decimal(lot),
        swing=swing,
        shared=shared,
        spread=spread,
        resting=int(size[0] / a_lot),
        traded=int(size[1] / a_lot),
        tradable=pair != "USDT-USD",
    )


LISTINGS: Final = (
    _listed("BTC-USDT", "95000", "0.01", "0.00001", (600, 88, 30), (60_000, 3_000_000)),
    _listed("ETH-USDT", "3300", "0.01", "0.0001", (750, 82, 50), (40_000, 1_500_000)),
    _listed("SOL-USDT", "180", "0.01", "0.001", (950, 80, 110), (20_000, 600_000)),
    _listed("BNB-USDT", "650", "0.01", "0.001", (700, 80, 80), (20_000, 300_000)),
    _listed("XRP-USDT", "2.2", "0.0001", "0.1", (900, 80, 120), (15_000, 400_000)),
    _listed("ADA-USDT", "0.75", "0.0001", "0.1", (950, 80, 160), (10_000, 120_000)),
    _listed("DOGE-USDT", "0.22", "0.00001", "1", (1050, 80, 140), (12_000, 250_000)),
    _listed("AVAX-USDT", "27", "0.001", "0.01", (1000, 80, 180), (8_000, 80_000)),
    _listed("DOT-USDT", "5.2", "0.001", "0.01", (950, 80, 220), (7_000, 60_000)),
    _listed("MATIC-USDT", "0.45", "0.0001", "0.1", (1000, 76, 250), (7_000, 60_000)),
    _listed("SPY", "600", "0.01", "0.001", (400, 95, 20), (90_000, 40_000_000)),
    _listed("AAPL", "230", "0.01", "0.001", (650, 76, 50), (50_000, 25_000_000)),
    _listed("TSLA", "330", "0.01", "0.001", (1300, 76, 80), (50_000, 60_000_000)),
    _listed("USDT-USD", "1", "0.00001", "0.01", (1, 0, 20), (500_000, 5_000_000)),
)
