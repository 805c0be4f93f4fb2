"""What changes limits, orders and homes through the local door: what waits for a signature and what does not."""

import asyncio
from decimal import Decimal

from msgspec.structs import replace

from tests.desk.conftest import Play, play
from tests.desk.world import BTC, World
from tests.doors.local.client import Client
from trading_mcp.adapters.brokers.faults import Call, Fault
from trading_mcp.core.domain import commands as c
from trading_mcp.core.domain.home import Mode
from trading_mcp.core.domain.mandates import Algorithm
from trading_mcp.core.domain.orders import Door, OrderState
from trading_mcp.core.domain.proposals import ProposedPolicy

__all__ = ["play"]


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
        stock = await client.asks("change_pairs", pairs=["F"], add=True)
        proposal = world.desk.book.proposals[stock["answer"]["proposal_id"]]
        assert isinstance(proposal.body, ProposedPolicy)
        assert [delta.key for delta in proposal.body.deltas] == ["market.stocks.assets_approved"]
        for wrong in ([], ["../x"], ["BTC-USDT"] * 51):
            assert (await client.asks("change_pairs", pairs=wrong, add=True))["exit"] == 2

    play(story)


def test_a_setup_tightens_at_once_proposes_the_rest_and_brings_algorithms_without_rights(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ready()
        client = Client(world)
        owner = Algorithm(
            name="sma",
            version="v1",
            pairs=frozenset({BTC}),
            venues=("elsewhere",),
            capital=Decimal(500),
            enabled=True,
        )
        world.desk.commit(c.SetAlgorithm(algorithm=owner, door=Door.CLI))
        given = (await client.asks("setup"))["answer"]
        assert not any(key.endswith("venues") for key in given["limits"])
        assert (given["algorithms"][0]["version"], set(given["algorithms"][0])) == (
            "v1",
            {"name", "version", "pairs", "venues", "capital"},
        )
        alike = await client.asks("copy_setup", origin="other", setup=given)
        assert (alike["exit"], alike["answer"]["sentences"]) == (
            0,
            ["Algorithm sma is known here and stays as it is."],
        )
        limits = {
            "account.orders_open_max": "3",
            "market.crypto.collar": "9%",
            "market.crypto.order_notional_max": "700",
        }
        assert set(limits) <= set(given["limits"])
        given["limits"] |= limits | {"market.crypto.venues": "real", "account.no_such_key": "1"}
        given["algorithms"] = [{**given["algorithms"][0], "name": "new"}]
        came = await client.asks("copy_setup", origin="other", setup=given)
        assert came["exit"] == 5, came
        assert "account.no_such_key" in came["answer"]["sentences"][-1]
        policy = world.desk.book.policy
        assert (policy.account.orders_open_max, policy.crypto.order_notional_max) == (3, 500)
        (proposal,) = world.desk.book.proposals.values()
        assert isinstance(proposal.body, ProposedPolicy)
        assert {delta.key for delta in proposal.body.deltas} == {
            "market.crypto.collar",
            "market.crypto.order_notional_max",
        }
        assert proposal.reason == "copied from home other"
        new = world.desk.book.algorithms["new"]
        assert (new.version, new.enabled, new.mandate, new.venues) == ("v1", False, None, world.desk.book.home.venues)
        assert world.desk.book.algorithms["sma"].enabled
        many = [{**given["algorithms"][0], "name": f"a{number}"} for number in range(201)]
        assert (await client.asks("copy_setup", origin="x", setup={**given, "algorithms": many}))["exit"] == 2
        enabled = {**given["algorithms"][0], "enabled": True}
        assert (await client.asks("copy_setup", origin="x", setup={**given, "algorithms": [enabled]}))["exit"] == 2

    play(story)
