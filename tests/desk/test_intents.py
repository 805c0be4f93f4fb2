"""From words to an intent, and the same words said again."""

from decimal import Decimal

import msgspec
import pytest

from tests.desk.conftest import Play
from tests.desk.world import BTC, ETH, World
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.orders import Door, Everything, Notional, Quantity
from trading_mcp.desk.acting import Acting
from trading_mcp.desk.intents import GIVEN, REPEATED_WITHIN, intent_of, repeated
from trading_mcp.errors import UsageInvalid


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A trade in words, with what a test does not say."""

    intent_id: str = "one"
    pair: str = "btc/usdt"
    side: str = "buy"
    quantity: str = ""
    notional: str = "100"
    type: str = "market"
    limit_price: str = ""
    stop_price: str = ""
    trail_percent: str = ""
    time_in_force: str = "gtc"
    stop_loss: str = ""
    take_profit: str = ""
    venue: str = ""
    reason: str = ""


def test_words_become_an_intent() -> None:
    intent = intent_of(Words(trail_percent="2", stop_loss="9", venue="paper"), Door.MCP, "x", 7)
    assert (intent.pair, intent.amount, intent.trail) == (BTC, Notional(Decimal(100)), Decimal("0.02"))
    assert intent.protect is not None
    assert (intent.protect.stop_loss, intent.venue, intent.signal_seq) == (Decimal(9), "paper", 7)
    assert intent_of(Words(quantity="0.5", notional=""), Door.MCP, "").amount == Quantity(Decimal("0.5"))
    assert intent_of(Words(quantity="all", notional=""), Door.MCP, "").amount == Everything()


@pytest.mark.parametrize(
    "words",
    [
        Words(intent_id="a b"),
        Words(intent_id="x" * 49),
        Words(side="hold"),
        Words(type="iceberg"),
        Words(time_in_force="later"),
        Words(quantity="1"),
        Words(notional=""),
        Words(notional="1e5"),
        Words(stop_loss="-1"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(words: Words) -> None:
    with pytest.raises(UsageInvalid) as caught:
        intent_of(words, Door.MCP, "")
    assert caught.value.next_step


def test_only_the_same_trade_without_an_id_of_its_own_is_a_repetition(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        first = intent_of(Words(intent_id=f"{GIVEN}1"), Door.MCP, "")
        named = intent_of(Words(intent_id="named", notional="50"), Door.MCP, "")
        for intent in (first, named):
            await desk.execute(c.Execute(intent=intent))
        now = world.clock.now()
        again = intent_of(Words(intent_id=f"{GIVEN}2"), Door.MCP, "")
        assert repeated(again, desk.book, now) == f"{GIVEN}1"
        assert repeated(again, desk.book, now + REPEATED_WITHIN + 5_000_000) == ""
        assert repeated(intent_of(Words(intent_id=f"{GIVEN}2", notional="50"), Door.MCP, ""), desk.book, now) == ""
        assert repeated(intent_of(Words(intent_id=f"{GIVEN}2"), Door.CLI, ""), desk.book, now) == ""

    play(story)


def test_a_preview_of_what_was_done_tells_how_it_stands(play: Play) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        intent = intent_of(Words(), Door.MCP, "")
        await desk.execute(c.Execute(intent=intent))
        before = e.ToolCalled(at=world.clock.now(), call_id="1", tool="t", arguments="", door=Door.MCP)
        assert Acting(desk, before).preview(intent).status == "filled"
        assert repeated(intent, world.desk.book, 0) == ""

    play(story)


def test_a_close_that_takes_long_is_told_as_being_under_way(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        desk = await world.ready()
        await world.trade()
        monkeypatch.setattr("trading_mcp.desk.acting.CLOSE_LOOKS", 0)
        world.venue.script(Fault.HANG, call=Call.SUBMIT)
        before = e.ToolCalled(at=world.clock.now(), call_id="1", tool="t", arguments="", door=Door.MCP)
        told = await Acting(desk, before).close(c.Close(intent_id="x", door=Door.MCP))
        (slow,) = (sentence for sentence in told.sentences if "still holds" in sentence)
        # Asked again it is not said that there is nothing, which is what nothing new to do would look like.
        again = await Acting(desk, before).close(c.Close(intent_id="y", door=Door.MCP))
        assert (again.done, again.sentences) == (True, (slow,))
        assert slow.endswith(", being closed.")
        elsewhere = await Acting(desk, before).close(c.Close(intent_id="z", door=Door.MCP, pair=ETH))
        assert (elsewhere.done, len(elsewhere.sentences)) == (False, 1)
        assert "holds nothing" in elsewhere.sentences[0]

    play(story)
