"""The local door line by line: what is asked, answered and kept in the journal, and what is never believed."""

from decimal import Decimal

import msgspec
import pytest

from tests.desk.conftest import Play, play
from tests.desk.world import BTC, ETH, World
from tests.doors.local.client import Client
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.proposals import ProposedOrder
from trading_mcp.doors.local.requests import AnyRequest, Request
from trading_mcp.errors import JournalUnwritable

__all__ = ["play"]


def test_only_requests_are_understood_and_nobody_says_who_they_are(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        before = world.journal.head().seq
        for line in (
            b"",
            b"{}",
            b"[]",
            b"\xff",
            b'{"request":"report_fill","fill":{}}',
            b'{"request":"execute"}',
            b'{"request":"status","door":"runner"}',
            b'{"request":"trade","pair":"BTC-USDT","side":"buy","intent_id":"a","notional":50}',
            b'{"request":"trade","pair":"BTC-USDT","side":"buy","intent_id":"a","notional":"50","force":true}',
        ):
            answer = await client.says(line)
            assert (answer["ok"], answer["exit"] in (1, 2)) == (False, True)
            assert answer["error"]["next_step"]
        assert world.journal.head().seq == before

    play(story)


def test_none_of_the_desks_own_reports_is_a_request() -> None:
    tags = {str(each.__struct_config__.tag) for each in Request.__subclasses__()}
    assert len(tags) == len(AnyRequest.__args__)
    assert not any(tag.startswith(("report", "tick", "mark", "watch", "start", "reconcile", "look")) for tag in tags)


def test_a_trade_is_called_judged_and_answered_in_that_order(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        told = await client.asks("trade", intent_id="one", pair="btc_usdt", side="buy", notional="100")
        assert (told["ok"], told["exit"], told["answer"]["status"]) == (True, 0, "filled")
        assert Decimal(told["answer"]["average"]) > 0
        kinds = [type(event).__name__ for event in world.events()]
        called, judged = kinds.index("ToolCalled"), kinds.index("IntentJudged")
        assert called < judged < kinds.index("FillRecorded") < kinds.index("ToolAnswered")
        answered = next(event for event in world.events() if isinstance(event, e.ToolAnswered))
        assert judged + 1 in answered.caused
        again = await client.asks("trade", intent_id="one", pair="BTC-USDT", side="buy", notional="100")
        assert again["answer"]["status"] == "filled"
        assert kinds.count("OrderCleared") == 1

    play(story)


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"notional": "280"}, 5, "awaiting_approval"),
        ({"notional": "900"}, 4, "denied"),
        ({"quantity": "all"}, 4, "denied"),
        ({"notional": "100", "preview": True}, 0, "preview"),
        ({"notional": "280", "preview": True}, 5, "preview"),
        ({"notional": "900", "preview": True}, 4, "preview"),
        ({"notional": "100", "type": "limit", "limit_price": "100000"}, 4, "denied"),
        ({"notional": "100", "stop_loss": "1", "take_profit": "999999"}, 4, "denied"),
        ({"quantity": "0.001", "type": "trailing_stop", "trail_percent": "2", "side": "sell"}, 4, "denied"),
    ],
)
def test_a_trade_ends_with_the_code_of_what_became_of_it(
    play: Play, fields: dict[str, object], code: int, status: str
) -> None:
    async def story(world: World) -> None:
        await world.ready()
        wanted = {"intent_id": "x", "pair": ETH if "limit_price" in fields else BTC, "side": "buy", **fields}
        told = await Client(world).asks("trade", **wanted)
        assert (told["exit"], told["answer"]["status"]) == (code, status)

    play(story)


def test_a_preview_changes_nothing_but_the_record_that_it_was_asked(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        before = [type(event).__name__ for event in world.events()]
        await Client(world).asks("trade", intent_id="x", pair=BTC, side="buy", notional="100", preview=True)
        new = [type(event).__name__ for event in world.events()][len(before) :]
        assert [kind for kind in new if kind != "Marked"] == ["ToolCalled", "ToolAnswered"]

    play(story)


def test_every_question_is_answered_and_recorded_before_and_after(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        await client.asks("trade", intent_id="one", pair=BTC, side="buy", notional="100")
        asked: tuple[tuple[str, dict[str, object]], ...] = (
            ("status", {}),
            ("portfolio", {}),
            ("orders", {"ended": True}),
            ("proposals", {}),
            ("pairs", {}),
            ("policy_show", {}),
            ("setup", {}),
            ("why", {"subject": "one"}),
            ("audit_tail", {}),
            ("audit_show", {"seq": 1}),
            ("audit_find", {"text": "home"}),
            ("audit_lines", {"since": 3}),
            ("screen", {"act": "attend"}),
        )
        for request, fields in asked:
            told = await client.asks(request, **fields)
            assert (told["ok"], told["exit"]) == (True, 0), told
            assert told["trading_state"] == "ACTIVE"
        called = [event.tool for event in world.events() if isinstance(event, e.ToolCalled)]
        assert called == ["trade", *(request for request, _ in asked)]
        assert len([1 for event in world.events() if isinstance(event, e.ToolAnswered)]) == len(called)
        assert (await client.asks("audit_verify"))["exit"] == 8
        assert (await client.asks("policy_diff", text="no policy"))["exit"] == 2

    play(story)


def test_orders_are_cancelled_positions_closed_and_what_is_not_there_is_refused(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        price = f"{world.price(ETH) * Decimal('0.97'):.1f}"
        resting = await client.asks(
            "trade", intent_id="r", pair=ETH, side="buy", notional="100", type="limit", limit_price=price
        )
        assert resting["answer"]["status"] == "working"
        for fields in ({}, {"all": True, "pair": ETH}):
            assert (await client.asks("cancel", **fields))["exit"] == 2
        assert (await client.asks("cancel", order_id="none"))["exit"] == 4
        assert (await client.asks("cancel", order_id=resting["answer"]["order_id"][:5]))["exit"] == 4
        assert (await client.asks("cancel", order_id=resting["answer"]["order_id"][:8]))["exit"] == 0
        await client.asks("trade", intent_id="b", pair=BTC, side="buy", notional="100")
        assert (await client.asks("close", intent_id="c1"))["exit"] == 2
        closed = await client.asks("close", intent_id="c2", all=True)
        assert closed["exit"] == 0
        assert "manual/paper/BTC-USDT is closed." in closed["answer"]["sentences"]
        assert (await client.asks("close", intent_id="c3", pair=BTC))["exit"] == 4

    play(story)


def test_a_halt_is_released_only_by_what_was_verified(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        assert (await client.asks("halt", reason="enough"))["exit"] == 0
        assert (await client.asks("release", scope="moon"))["exit"] == 2
        waiting = await client.asks("release")
        assert waiting["exit"] == 5
        proposal = waiting["answer"]["proposal_id"]
        assert (await client.asks("release"))["answer"]["proposal_id"] == proposal
        assert (await client.asks("screen", proposal_id=proposal))["answer"]["lines"][0] == proposal
        assert (await client.asks("screen", proposal_id="none"))["exit"] == 2
        assert (await client.asks("approve", proposal_id=proposal, statement="x", signature="zz"))["exit"] == 2
        signature = world.statement("release", proposal, world.desk.book.proposals[proposal].body_hash)
        said = {"proposal_id": proposal, "statement": signature.statement.decode()}
        forged = await client.asks("approve", **said, signature=b"forged".hex())
        assert (forged["exit"], world.desk.book.account_state.name) == (4, "HALTED")
        waiting = await client.asks("release")
        proposal = waiting["answer"]["proposal_id"]
        signature = world.statement("release", proposal, world.desk.book.proposals[proposal].body_hash)
        said = {"proposal_id": proposal, "statement": signature.statement.decode()}
        assert (await client.asks("approve", **said, signature=b"signed".hex()))["exit"] == 0
        assert world.desk.book.account_state.name == "ACTIVE"
        kept = msgspec.json.encode([event for event in world.events() if isinstance(event, e.ToolCalled)])
        assert signature.statement[:40] not in kept

    play(story)


def test_attending_everything_declining_and_pinning(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        assert (await client.asks("pin_approver"))["exit"] == 0
        assert world.desk.book.approver == "aa-bb"
        assert "Nothing" not in str(await client.asks("pin_approver"))
        signature = world.statement("attend", "attend")
        words = {"statement": signature.statement.decode(), "signature": b"signed".hex()}
        assert (await client.asks("attend", **words))["exit"] == 0
        assert (await client.asks("attend", **words))["exit"] == 4
        asked = await client.asks("trade", intent_id="big", pair=BTC, side="buy", notional="280")
        assert (await client.asks("decline", proposal_id=asked["answer"]["proposal_id"]))["exit"] == 0
        assert (await client.asks("trade", intent_id="big", pair=BTC, side="buy", notional="280"))["exit"] == 4
        proposed = await client.asks("policy_propose", changes={"market.crypto.order_notional_max": "600"})
        assert proposed["exit"] == 5
        signature = world.statement("halt", "everything")
        words = {"statement": signature.statement.decode(), "signature": b"signed".hex()}
        assert (await client.asks("halt", **words))["exit"] == 0
        assert (await client.asks("stop", reason="done"))["exit"] == 0

    play(story)


def test_a_signed_order_is_sent_and_told_as_a_trade(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        asked = await client.asks("trade", intent_id="big", pair=BTC, side="buy", notional="280")
        proposal = world.desk.book.proposals[asked["answer"]["proposal_id"]]
        assert isinstance(proposal.body, ProposedOrder)
        shown = {
            "reference_price": proposal.body.reference,
            "move_max": Decimal("0.01"),
            "position": Decimal(0),
            "position_change_max": Decimal(0),
        }
        signature = world.statement("order", proposal.id, proposal.body_hash, **shown)
        words = {"statement": signature.statement.decode(), "signature": b"signed".hex()}
        told = await client.asks("approve", proposal_id=proposal.id, **words)
        assert (told["exit"], told["answer"]["status"]) == (0, "filled")

    play(story)


def test_a_journal_that_cannot_be_written_leaves_reading(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        world.pages.error = JournalUnwritable("The disk is full.", "Free space.")
        traded = await client.asks("trade", intent_id="x", pair=BTC, side="buy", notional="100")
        assert (traded["ok"], traded["exit"]) == (False, 8)
        told = await client.asks("status")
        assert (told["ok"], told["answer"]["notes"]) == (True, ["a note"])
        assert world.held() == 0

    play(story)


def test_a_desk_that_is_needed_does_not_make_way(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        asked = await client.asks("trade", intent_id="big", pair=BTC, side="buy", notional="280")
        busy = await client.asks("stop", reason="a newer one", unless_needed=True)
        assert (busy["ok"], client.door._stop_for) == (False, "")
        assert busy["error"]["message"] == "This desk is needed: a proposal waits."
        await client.asks("decline", proposal_id=asked["answer"]["proposal_id"])
        client.door.also_needed = "it listens for HTTP"
        listens = await client.asks("stop", reason="a newer one", unless_needed=True)
        assert listens["error"]["message"] == "This desk is needed: it listens for HTTP."
        client.door.also_needed = ""
        assert (await client.asks("stop", reason="a newer one", unless_needed=True))["ok"]
        assert client.door._stop_for == "a newer one"

    play(story)
