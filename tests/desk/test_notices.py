"""The words of a notice: what was computed stands as it is, what somebody chose stands between marks."""

from decimal import Decimal

import pytest

from tests.desk.conftest import Play
from tests.desk.world import START, World
from trading_mcp.adapters.alerts.pending import TEXT_LENGTH_MAX
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.home import Token
from trading_mcp.core.domain.latches import ACCOUNT, Latch, TradingState
from trading_mcp.core.domain.orders import Door, Notional
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.proposals import Proposal, ProposedPolicy
from trading_mcp.core.domain.verdict import Code
from trading_mcp.desk.notices import notice_of, quoted
from trading_mcp.redact import redacted


def test_a_proposal_is_told_by_what_it_is_and_the_words_of_who_asked_are_marked_or_left_out(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade(amount=Notional(Decimal(300)), reason="your account is locked", id="call-0800-now")
        await desk.handle(c.Halt(door=Door.MCP, reason="all is well” and was checked"))
        texts = dict(world.told.texts)
        proposal = texts["A proposal waits for you"]
        assert proposal.startswith("buy 0.00")
        assert "BTC-USDT (market), named in words not checked by anyone: “order/call-0800-now”. Read it" in proposal
        assert texts["account is HALTED"] == (
            "KILL_SWITCH, in words not checked by anyone: “all is well' and was checked”."
        )
        assert "locked" not in str(world.told.texts)
        assert world.told.urgent == {"account is HALTED"}

    play(story)


@pytest.mark.parametrize("words", ["", "x", "a” b “c", "””", "y" * 1_000])
def test_quoted_words_cannot_close_their_marks(words: str) -> None:
    said = quoted(words)
    assert (said.count("“"), said.count("”")) == (1, 1)
    assert said.startswith("words not checked by anyone: “")
    assert said.endswith("”")
    assert len(said) < TEXT_LENGTH_MAX // 2


@pytest.mark.parametrize("words", ["all is well, and checked. passphrase:", "x" * 140 + " passphrase: [redacted]"])
def test_the_redactor_takes_no_mark_for_a_part_of_a_secret(words: str) -> None:
    latch = Latch(scope=ACCOUNT, state=TradingState.HALTED, code=Code.KILL_SWITCH, reason=words, at=START)
    notice = notice_of(e.Latched(at=START, latch=latch))
    assert notice is not None
    assert redacted(notice[1], TEXT_LENGTH_MAX).startswith("KILL_SWITCH, in words not checked by anyone: “")


def test_of_many_changes_so_much_is_told_that_the_name_keeps_its_marks() -> None:
    deltas = tuple(
        Delta(key=f"account.a_limit_of_a_long_name_{number}", before="1", after="2") for number in range(9)
    )
    body = ProposedPolicy(deltas=deltas)
    proposal = Proposal(
        id="p" * 64, body=body, body_hash="", door=Door.MCP, client="", reason="", opened_at=START, expires_at=START
    )
    notice = notice_of(e.ProposalOpened(at=START, proposal=proposal))
    assert notice is not None
    said = redacted(notice[1], TEXT_LENGTH_MAX)
    assert said == notice[1]
    assert f"words not checked by anyone: “{'p' * 64}”. Read it" in said


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
