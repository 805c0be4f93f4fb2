"""What every connected model pays for in tokens, and reads: sizes, hints, words, and the pinned manifest."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.doors.mcp_server.regenerate import MANIFEST
from trading_mcp.doors.mcp_server.instructions import INSTRUCTIONS
from trading_mcp.doors.mcp_server.manifest import manifest
from trading_mcp.doors.mcp_server.prompts import PROMPTS
from trading_mcp.doors.mcp_server.resources import RESOURCES
from trading_mcp.doors.mcp_server.server import described
from trading_mcp.doors.mcp_server.tools import TOOLS

# 5,000 tokens of names, descriptions and input schemas; a token of such text has at least four characters.
VISIBLE_MAX = 20_000
OUTPUT_MAX = 20_000
TOOLS_MAX = 26
GIVEN = (
    "get_agent_status",
    "get_portfolio",
    "get_signals",
    "execute_trade",
    "get_open_orders",
    "cancel_order",
    "get_trade_history",
    "get_guardrails",
    "set_guardrails",
    "manage_pairs",
    "kill_switch",
    "get_market_data",
    "get_pnl_report",
    "get_events",
)
# Nothing of what is asked for may be a secret, a consent, or a way around either.
NEVER = ("key_", "secret", "token", "password", "passphrase", "confirm", "acknowledge", "force", "params", "mode")


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@pytest.mark.proves("T17")
def test_the_tools_cost_little_to_read(record_property: Callable[[str, object], None]) -> None:
    listed = [described(tool) for tool in TOOLS]
    visible = sum(
        len(compact({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}))
        for tool in listed
    )
    outputs = sum(len(compact(tool.output_schema)) for tool in listed)
    record_property("sampled", f"{len(listed)} tools, {visible:,} characters visible, {outputs:,} of output schemas")
    assert len(listed) <= TOOLS_MAX
    assert visible < VISIBLE_MAX
    assert outputs < OUTPUT_MAX
    assert set(GIVEN) <= {tool.name for tool in listed}


def test_every_tool_carries_every_hint_and_a_typed_answer() -> None:
    for tool in map(described, TOOLS):
        hints = tool.annotations
        assert hints is not None
        assert tool.title
        assert hints.title == tool.title
        flags = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert None not in flags, tool.name
        assert not (hints.read_only_hint and hints.destructive_hint), tool.name
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert '"title":' not in compact([tool.input_schema, tool.output_schema])


def test_a_tool_that_reads_is_one_whose_name_says_so() -> None:
    for tool in TOOLS:
        assert tool.reads == tool.name.startswith(("get_", "explain_")), tool.name


def arguments() -> list[tuple[str, str, Any]]:
    return [
        (tool.name, name, shape)
        for tool in TOOLS
        for name, shape in described(tool).input_schema["properties"].items()
    ]


def test_no_argument_is_a_secret_a_consent_or_a_way_around() -> None:
    assert [(tool, name) for tool, name, _ in arguments() if name.startswith(NEVER)] == []


def test_no_amount_is_a_json_number() -> None:
    numbers = {name for _, name, shape in arguments() if "number" in compact(shape)}
    whole = {name for _, name, shape in arguments() if '"integer"' in compact(shape)}
    assert numbers == set()
    assert whole == {"limit", "seq", "signal_seq"}


def test_what_models_read_changes_only_on_purpose() -> None:
    """After a change that is meant: `python -m tests.doors.mcp_server.regenerate`, and read the difference."""
    assert MANIFEST.read_text("utf-8") == manifest()


def test_the_manifest_holds_every_word_a_model_reads() -> None:
    told = json.loads(manifest())
    assert told["instructions"] == hashlib.sha256(INSTRUCTIONS.encode()).hexdigest()
    assert list(told["tools"]) == [tool.name for tool in TOOLS]
    assert list(told["prompts"]) == [prompt.name for prompt in PROMPTS]
    assert list(told["resources"]) == [resource.template for resource in RESOURCES]
    one = msgspec.json.encode(described(TOOLS[0]).model_dump(by_alias=True, exclude_none=True))
    assert told["tools"][TOOLS[0].name] == hashlib.sha256(one).hexdigest()
