"""What trading costs in a simulation: fees, spread, slippage, a share of the volume only, and latency."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from trading_mcp.core.domain.instruments import Instrument
from trading_mcp.core.domain.money import ONE, ZERO, ceil_to, floor_to
from trading_mcp.core.domain.orders import Side

_TWO: Final = Decimal(2)


class FeeIn(StrEnum):
    """The asset a fee is taken from."""

    QUOTE = "quote"
    RECEIVED = "received"  # a buy pays in what it bought, as many crypto venues do


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """A cost model; the default costs nothing and fills everything, every other only costs more."""

    fee_taker: Decimal = ZERO
    fee_maker: Decimal = ZERO
    fee_in: FeeIn = FeeIn.QUOTE
    spread: Decimal = ZERO  # distance of bid and ask as a share of the price, where only bars are known
    slippage: Decimal = ZERO  # share of the price lost by every fill that takes
    volume_share: Decimal | None = None  # of what traded in a bar or rests in a book; None is no limit
    touch_share: Decimal = ZERO  # of the same, for a resting limit the price touched and did not cross
    latency: int = 0  # from being sent to being in the market, microseconds

    def seen(self, price: Decimal, side: Side) -> Decimal:
        """The price of a bar as that side would trade it: half the spread worse."""
        if not self.spread:
            return price
        half = self.spread / _TWO
        return price * (ONE + half if side is Side.BUY else ONE - half)

    def paid(self, price: Decimal, side: Side, step: Decimal, limit: Decimal | None) -> Decimal:
        """What a fill that takes gets: slipped, rounded against us to a step, and no worse than its limit."""
        if side is Side.BUY:
            slipped = ceil_to(price * (ONE + self.slippage), step)
            return slipped if limit is None or slipped <= limit else limit
        slipped = floor_to(price * (ONE - self.slippage), step)
        return slipped if limit is None or slipped >= limit else limit

    def fee(
        self, instrument: Instrument, side: Side, quantity: Decimal, price: Decimal, *, takes: bool
    ) -> tuple[Decimal, str]:
        """The fee of a fill and the asset it is taken from."""
        rate = self.fee_taker if takes else self.fee_maker
        if self.fee_in is FeeIn.RECEIVED and side is Side.BUY:
            return quantity * rate, instrument.base
        return quantity * price * instrument.multiplier * rate, instrument.quote


FREE: Final = Costs()


def ordinary(instrument: Instrument) -> Costs:
    """The pair's own fee for everybody, and never more than what was offered or traded."""
    return Costs(fee_taker=instrument.fee_rate, fee_maker=instrument.fee_rate, volume_share=ONE)
