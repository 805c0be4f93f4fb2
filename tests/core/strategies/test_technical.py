"""The first signals: what rises is bought, what falls is sold, what is not known is held."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from trading_mcp.core.domain.market import MINUTE, Candle
from trading_mcp.core.domain.money import exactly
from trading_mcp.core.strategies.technical import CANDLES, UNKNOWN, Signal, Word, signal_of


def said(closes: Sequence[float]) -> Signal:
    candles = [
        Candle(
            start=index * MINUTE,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=Decimal(1),
        )
        for index, price in enumerate(Decimal(str(close)) for close in closes)
    ]
    with exactly():
        return signal_of(candles)


@pytest.mark.parametrize(
    ("slope", "word", "regime"),
    [(0.5, Word.BUY, "trending"), (-0.5, Word.SELL, "trending"), (0, Word.HOLD, "ranging")],
)
def test_a_signal_follows_the_trend(slope: float, word: Word, regime: str) -> None:
    signal = said([100 + slope * index for index in range(CANDLES)])
    assert (signal.word, signal.regime) == (word, regime)
    assert len(signal.votes) == 4
    assert signal.confidence == (1 if word is Word.HOLD else Decimal("0.75"))
    assert signal.would_change


def test_strength_votes_against_what_went_too_far() -> None:
    up = said([100 + index for index in range(CANDLES)])
    down = said([200 - index for index in range(CANDLES)])
    flat = said([100] * CANDLES)
    assert [each.votes[2].word for each in (up, down, flat)] == [Word.SELL, Word.BUY, Word.HOLD]
    assert [each.votes[2].value for each in (up, down, flat)] == [100, 0, 50]


def test_votes_that_disagree_hold() -> None:
    signal = said([100] * (CANDLES - 1) + [103])
    assert signal.word is Word.BUY
    signal = said([100 + index for index in range(CANDLES - 1)] + [100])
    assert {vote.word for vote in signal.votes} >= {Word.BUY, Word.SELL}
    assert signal.word is Word.HOLD


def test_too_few_candles_say_nothing() -> None:
    assert said([100] * (CANDLES - 1)) == UNKNOWN
    assert (UNKNOWN.word, UNKNOWN.confidence) == (Word.HOLD, 0)
