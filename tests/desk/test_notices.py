"""The words of a notice: what was computed stands as it is, what somebody chose stands between marks."""

from decimal import Decimal

import pytest

from tests.desk.conftest import Play
from tests.desk.world import START, World
from trading_mcp.adapters.alerts.pending import TEXT_LENGTH_MAX
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Token
from trading_mcp.core.domain.orders import Door, Notional
from trading_mcp.desk.notices import notice_of, quoted


def test_a_proposal_is_told_by_what_it_is_and_the_words_of_who_asked_are_marked_or_left_out(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(amount=Notional(Decimal(300)), reason="your account is locked", id="call-0800-now")
        await desk.handle(c.Halt(door=Door.MCP, reason="all is well” and was checked"))
        texts = dict(world.told.texts)
        proposal = texts["A proposal waits for you"]
        assert proposal.startswith("buy 0.00")
        assert "BTC-USDT (market), named “order/call-0800-now” (not checked by anyone). Read it" in proposal
        assert texts["account is HALTED"] == (
            "KILL_SWITCH, with these words: “all is well' and was checked” (not checked by anyone)."
        )
        assert "locked" not in str(world.told.texts)
        assert world.told.urgent == {"account is HALTED"}

    play(story)


@pytest.mark.parametrize("words", ["", "x", "a” b “c", "””", "y" * 1_000])
def test_quoted_words_cannot_close_their_marks(words: str) -> None:
    said = quoted(words)
    assert (said.index("“"), said.count("“"), said.count("”")) == (0, 1, 1)
    assert said.endswith("” (not checked by anyone)")
    assert len(said) < TEXT_LENGTH_MAX // 2


def test_a_token_that_was_made_is_told_and_one_that_was_taken_back_is_not() -> None:
    token = Token(name="laptop", role="reader", made_at=START, fingerprint="0a")
    assert notice_of(e.TokensChanged(at=START, made=(token,))) == (
        "Others may come in by HTTP",
        "laptop as reader. If that was not you: trading-mcp token revoke NAME.",
    )
    assert notice_of(e.TokensChanged(at=START, revoked=(token,))) is None


def test_an_unknown_order_is_called_as_everywhere_else() -> None:
    event = e.OrderUnknown(at=START, order_id="0123456789ab-cdef", reason="no answer")
    assert notice_of(event) == ("An order's fate is unknown", "01234567: no answer")
