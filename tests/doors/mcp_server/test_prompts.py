"""Prompts name tools that exist where they are offered; completions propose what is there, and never too much."""

import re
from collections.abc import Callable

import pytest
from mcp import MCPError, types

from tests.desk.world import BTC, World
from tests.doors.mcp_server.conftest import Play, connected, door_of
from trading_mcp.doors.mcp_server.beside import described
from trading_mcp.doors.mcp_server.completions import VALUES_MAX
from trading_mcp.doors.mcp_server.prompts import PROMPTS, VALUE_MAX
from trading_mcp.doors.mcp_server.resources import RESOURCES
from trading_mcp.doors.mcp_server.tools import TOOLS

# Some 500 tokens for each list, and for what a prompt says.
LISTED_MAX = 2_000
SAID_MAX = 2_000
TOOL_NAMES = frozenset(tool.name for tool in TOOLS)
PROPOSAL = types.ResourceTemplateReference(uri="desk://proposals/{id}")


def test_each_prompt_needs_exactly_the_tools_that_its_words_name() -> None:
    for prompt in PROMPTS:
        words = " ".join((prompt.text, *(f"{each.unsaid} {each.said}" for each in prompt.arguments)))
        named = set(re.findall(r"[a-z]+_[a-z_]+", words)) & TOOL_NAMES
        assert named == set(prompt.needs), prompt.name
        assert all(tool.reads for tool in TOOLS if tool.name in prompt.needs), prompt.name


def test_what_is_listed_beside_the_tools_costs_little_to_read(record_property: Callable[[str, object], None]) -> None:
    prompts = sum(len(described(each).model_dump_json(by_alias=True, exclude_none=True)) for each in PROMPTS)
    resources = sum(len(each.template) + len(each.title) + len(each.description) for each in RESOURCES)
    longest = max(len(each.said({})) for each in PROMPTS)
    record_property(
        "sampled",
        f"{len(PROMPTS)} prompts listed in {prompts:,} characters, the longest says {longest:,}; "
        f"{len(RESOURCES)} resources in {resources:,}",
    )
    assert prompts < LISTED_MAX
    assert resources < LISTED_MAX
    assert longest < SAID_MAX


def test_every_prompt_is_listed_and_told(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            listed = (await assistant.client.list_prompts()).prompts
            assert [each.name for each in listed] == [prompt.name for prompt in PROMPTS]
            for each in listed:
                assert each.title
                assert each.description
                (message,) = (await assistant.client.get_prompt(each.name)).messages
                assert isinstance(message.content, types.TextContent)
                assert not set(message.content.text) & {"{}"}
                assert "Submit nothing" in message.content.text
            (message,) = (await assistant.client.get_prompt("explain_refusal", {"intent_id": 'a"}; sell'})).messages
            assert isinstance(message.content, types.TextContent)
            assert r'{"intent_id":"a\"}; sell"}' in message.content.text

    play(story)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("nothing", {}, "There are: explain_refusal"),
        ("explain_refusal", {"intent": "one"}, "It takes: intent_id."),
        ("morning_checkin", {"pair": BTC}, "It takes no arguments."),
        ("post_mortem", {"pair": "x" * (VALUE_MAX + 1)}, f"longer than {VALUE_MAX} characters"),
    ],
)
def test_a_prompt_asked_for_wrongly_says_what_would_pass(
    play: Play, era: str, name: str, given: dict[str, str], says: str
) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:
            with pytest.raises(MCPError) as refused:
                await assistant.client.get_prompt(name, given)
            assert refused.value.code == types.INVALID_PARAMS
            assert says in refused.value.message

    play(story)


def test_what_is_typed_is_completed_with_what_is_there(play: Play, era: str) -> None:
    async def story(world: World) -> None:
        await world.ready()
        async with connected(door_of(world), era) as assistant:

            async def complete(of: types.PromptReference | types.ResourceTemplateReference, name: str, typed: str):  # noqa: ANN202
                return (await assistant.client.complete(of, {"name": name, "value": typed})).completion

            post_mortem = types.PromptReference(name="post_mortem")
            everything = await complete(post_mortem, "pair", "")
            assert BTC in everything.values
            assert len(everything.values) <= VALUES_MAX
            assert everything.total == len(set(everything.values))
            assert (await complete(post_mortem, "pair", "btc_us")).values[0] == BTC
            assert (await complete(post_mortem, "pair", "tc-usd")).values == [BTC]
            assert (await complete(post_mortem, "since", "2")).values == []
            await assistant.calls("execute_trade", pair="SOL-USDT", side="buy", notional="100", intent_id="held")
            assert (await complete(post_mortem, "pair", "")).values[0] == "SOL-USDT"
            await assistant.calls("execute_trade", pair=BTC, side="buy", notional="280", intent_id="asked")
            await assistant.calls("execute_trade", pair=BTC, side="buy", notional="9000", intent_id="refused")
            assert (await complete(PROPOSAL, "id", "ord")).values == ["order/asked"]
            explain = types.PromptReference(name="explain_refusal")
            assert (await complete(explain, "intent_id", "")).values == ["refused", "asked"]
            with pytest.raises(MCPError, match="It has: pair, since"):
                await complete(post_mortem, "book", "")
            with pytest.raises(MCPError, match="There is no nothing here"):
                await complete(types.PromptReference(name="nothing"), "pair", "")

    play(story)
