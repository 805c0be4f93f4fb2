"""A first provider of signals: averages that cross, their distance, and strength; each votes, and says why."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from trading_mcp.core.domain.market import Candle
from trading_mcp.core.domain.money import ZERO

FAST: Final = 10
SLOW: Final = 30
STRENGTH: Final = 14
MOMENTUM: Final = 20
CANDLES: Final = 60
_HUNDRED: Final = Decimal(100)
_WEAK: Final = Decimal(30)
_STRONG: Final = Decimal(70)
_STEP: Final = Decimal("0.01")
_FINE: Final = Decimal("0.00000001")
# Averages closer than this share of the price say nothing.
_NEAR: Final = Decimal("0.0005")
_TREND: Final = Decimal("0.01")


class Word(StrEnum):
    """What a signal says."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator, its value now and its vote."""

    name: str
    value: Decimal
    word: Word


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What the votes come to: the share of them that agree is the confidence."""

    word: Word
    confidence: Decimal
    regime: str
    votes: tuple[Vote, ...]
    would_change: str


UNKNOWN: Final = Signal(
    word=Word.HOLD,
    confidence=ZERO,
    regime="unknown",
    votes=(),
    would_change=f"{CANDLES} candles, of which there are fewer",
)


def signal_of(candles: Sequence[Candle]) -> Signal:
    """Return what the newest candles say; too few of them say nothing."""
    if len(candles) < CANDLES:
        return UNKNOWN
    closes = [candle.close for candle in candles]
    price, fast, slow = closes[-1], _mean(closes[-FAST:]), _mean(closes[-SLOW:])
    strength = _strength(closes[-STRENGTH - 1 :])
    momentum = (price / closes[-1 - MOMENTUM] - 1) * _HUNDRED
    gap = (fast - slow) / price
    votes = (
        Vote(name=f"SMA {FAST} against {SLOW}, %", value=(gap * _HUNDRED).quantize(_STEP), word=_way(gap, _NEAR)),
        Vote(name=f"price against SMA {SLOW}, %", value=_percent(price, slow), word=_way(price / slow - 1, _NEAR)),
        Vote(name=f"RSI {STRENGTH}", value=strength.quantize(_STEP), word=_turn(strength)),
        Vote(name=f"momentum {MOMENTUM}, %", value=momentum.quantize(_STEP), word=_way(momentum / _HUNDRED, _NEAR)),
    )
    word, share = _won(votes)
    return Signal(
        word=word,
        confidence=share,
        regime="trending" if abs(slow / _mean(closes[:SLOW]) - 1) >= _TREND else "ranging",
        votes=votes,
        would_change=_change(word, fast=fast, slow=slow),
    )


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, start=ZERO) / len(values)


def _percent(price: Decimal, of: Decimal) -> Decimal:
    return ((price / of - 1) * _HUNDRED).quantize(_STEP)


def _strength(closes: Sequence[Decimal]) -> Decimal:
    """Return the relative strength index: 100 where prices only rose, 0 where they only fell."""
    moves = [after - before for before, after in pairwise(closes)]
    up = sum((move for move in moves if move > ZERO), start=ZERO)
    down = -sum((move for move in moves if move < ZERO), start=ZERO)
    return _HUNDRED / 2 if up + down == ZERO else _HUNDRED * up / (up + down)


def _way(value: Decimal, least: Decimal) -> Word:
    return Word.BUY if value > least else Word.SELL if value < -least else Word.HOLD


def _turn(strength: Decimal) -> Word:
    """What fell too far is bought, what rose too far is sold."""
    return Word.BUY if strength < _WEAK else Word.SELL if strength > _STRONG else Word.HOLD


def _won(votes: Sequence[Vote]) -> tuple[Word, Decimal]:
    """Return what more than half of the votes say, and their share."""
    for word in (Word.BUY, Word.SELL):
        agreeing = sum(vote.word is word for vote in votes)
        if agreeing * 2 > len(votes):
            return word, (Decimal(agreeing) / len(votes)).quantize(_STEP)
    return Word.HOLD, (Decimal(sum(vote.word is Word.HOLD for vote in votes)) / len(votes)).quantize(_STEP)


def _change(word: Word, *, fast: Decimal, slow: Decimal) -> str:
    """Say what would make it another signal."""
    level = slow.quantize(_FINE).normalize()
    if word is Word.BUY:
        return f"a close below {level:f}, the slow average, takes a vote away"
    if word is Word.SELL:
        return f"a close above {level:f}, the slow average, takes a vote away"
    side = "below" if fast < slow else "above"
    return f"three of four votes the same way; the fast average is {side} the slow one at {level:f}"
