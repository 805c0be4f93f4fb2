"""The local door line by line: what is asked, answered and kept in the journal, and what is never believed."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.desk.conftest import Play, play
from tests.desk.world import BTC, ETH, World
from trading_mcp import link
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.core.domain.proposals import Proposal, ProposedOrder, ProposedPolicy
from trading_mcp.desk.answers import LinesAnswer, ScreenAnswer, VerifiedAnswer
from trading_mcp.desk.queries import Since
from trading_mcp.doors.local.requests import AnyRequest, Request
from trading_mcp.doors.local.server import LocalDoor
from trading_mcp.errors import JournalUnwritable

__all__ = ["play"]


class Papers:
    """Services that need no key and no file."""

    def screen(self, proposal: Proposal, book: Book, facts: Facts) -> ScreenAnswer:
        return ScreenAnswer(lines=(proposal.id, book.home.name), statement=str(facts.now), reason="")

    def act(self, name: str, book: Book, facts: Facts) -> ScreenAnswer:
        return ScreenAnswer(lines=(name, book.home.name), statement=str(facts.now), reason="")

    def pinned(self, book: Book, now: int) -> tuple[AnyEvent, ...]:
        return () if book.approver else (e.ApproverEnrolled(at=now, fingerprint="aa-bb", public_key="00"),)

    async def verified(self) -> VerifiedAnswer:
        return VerifiedAnswer(
            holds=False, entries=1, checkpoints=0, head="", broken_at=2, reason="is missing", anchor=""
        )

    def lines(self, since: int, count: int) -> LinesAnswer:
        return LinesAnswer(lines=(f"{since}", f"{count}"), next_since=0)


class Client:
    """Says lines to the door of a world's desk, without a socket."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopped: list[str] = []
        since = Since(started_at=world.clock.now())
        self.door = LocalDoor(world.desk, Papers(), since, self.stopped.append, ("a note",))

    async def says(self, line: bytes) -> dict[str, Any]:
        return json.loads(await self.door._answered(line, "a client"))

    async def asks(self, request: str, **fields: object) -> dict[str, Any]:
        return await self.says(link.encode({"request": request, **fields})[:-1])


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
            ("why", {"subject": "one"}),
            ("audit_tail", {}),
            ("audit_show", {"seq": 1}),
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


def test_an_order_of_unknown_fate_goes_by_a_signature_where_money_is_real(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        world.venue.script(Fault.TIMEOUT_BEFORE, call=Call.SUBMIT)
        told = await client.asks("trade", intent_id="lost", pair=BTC, side="buy", notional="100")
        assert told["answer"]["status"] == "unknown"
        (order_id,) = world.desk.book.working
        simulated = await client.asks("release_order", order_id=order_id[:8])
        assert (simulated["exit"], simulated["answer"]["done"]) == (4, False)
        assert "there the desk itself lets it go" in str(simulated["answer"]["sentences"])
        book = world.desk.book
        world.desk.book = replace(book, home=replace(book.home, mode=Mode.LIVE))
        await asyncio.sleep(600)
        waiting = await client.asks("release_order", order_id=order_id[:8])
        proposal = waiting["answer"]["proposal_id"]
        assert (waiting["exit"], world.desk.book.proposals[proposal].door) == (5, Door.CLI)
        again = await client.asks("release_order", order_id=order_id)
        assert (again["exit"], again["answer"]["proposal_id"]) == (5, proposal)
        signature = world.statement("order_release", proposal, world.desk.book.proposals[proposal].body_hash)
        said = {"proposal_id": proposal, "statement": signature.statement.decode()}
        assert (await client.asks("approve", **said, signature=b"forged".hex()))["exit"] == 4
        assert order_id in world.desk.book.working
        assert (await client.asks("approve", **said, signature=b"signed".hex()))["exit"] == 0
        assert world.desk.book.working == {}
        gone = world.desk.book.order(order_id)
        assert gone is not None
        assert gone.state is OrderState.LAPSED

    play(story)


def test_a_pair_is_blocked_at_once_and_added_by_proposal(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        removed = await client.asks("change_pairs", pairs=["btc/usdt", "AAPL"], add=False)
        assert (removed["exit"], removed["answer"]["done"]) == (0, True)
        limits = world.desk.book.policy
        assert (limits.crypto.pairs_blocked, limits.stocks.pairs_blocked) == ({"BTC-USDT"}, {"AAPL"})
        again = await client.asks("change_pairs", pairs=["BTC-USDT"], add=False)
        assert again["answer"]["sentences"] == ["The limits say so already."]
        bought = await client.asks("trade", intent_id="b", pair=BTC, side="buy", notional="100")
        assert bought["exit"] == 4
        added = await client.asks("change_pairs", pairs=["BTC-USDT", "LTC-EUR"], add=True)
        assert added["exit"] == 5
        (proposal,) = world.desk.book.proposals.values()
        assert isinstance(proposal.body, ProposedPolicy)
        changed = {delta.key.rpartition(".")[2]: delta.after for delta in proposal.body.deltas}
        assert changed["pairs_blocked"] == "none"
        assert "LTC" in changed["assets_approved"]
        assert "EUR" in changed["quotes_approved"]
        await world.sign(proposal)
        assert world.desk.book.policy.crypto.pairs_blocked == frozenset()
        for wrong in ([], ["../x"], ["BTC-USDT"] * 51):
            assert (await client.asks("change_pairs", pairs=wrong, add=True))["exit"] == 2

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
        assert (await client.asks("stop", reason="a newer one", unless_needed=True))["ok"]
        assert client.door._stop_for == "a newer one"

    play(story)
