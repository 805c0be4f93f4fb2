"""The tools that the official suite expects: what they return, say while they run, and ask of a client."""

import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.shared.message import ServerMessageMetadata

Context = ServerRequestContext[dict[str, Any], Any]
Result = dict[str, Any]
Given = types.CallToolRequestParams | types.GetPromptRequestParams
Handler = Callable[[Context, Given], Awaitable[Result]]

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SOUND: Final = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
IMAGE: Final = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
STEP: Final = 0.01
SCHEMA_2020_12: Final[Result] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

TOOLS: Final[dict[str, tuple[types.Tool, Handler]]] = {}


def tool(schema: Result | None = None, *required: str, name: str = "") -> Callable[[Handler], Handler]:
    """Register a tool under the name of its function, with the suite's prefix."""

    def register(handler: Handler) -> Handler:
        called = name or f"test_{cast('Any', handler).__name__}"
        shape = schema or {
            "type": "object",
            "properties": {each: {"type": "string"} for each in required},
            "required": list(required),
        }
        TOOLS[called] = (types.Tool(name=called, description="A fixture of the suite.", input_schema=shape), handler)
        return handler

    return register


def text(words: str) -> Result:
    return {"type": "text", "text": words}


def told(*content: Result, is_error: bool = False) -> Result:
    return {"content": list(content), "isError": is_error}


def embedded(uri: str, mime: str, words: str) -> Result:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": words}}


def argument(given: Given, name: str) -> str:
    return str((given.arguments or {}).get(name, ""))


# What tools return.


@tool()
async def simple_text(_: Context, __: Given) -> Result:
    return told(text("This is a simple text response for testing."))


@tool()
async def image_content(_: Context, __: Given) -> Result:
    return told(IMAGE)


@tool()
async def audio_content(_: Context, __: Given) -> Result:
    return told({"type": "audio", "data": SOUND, "mimeType": "audio/wav"})


@tool()
async def embedded_resource(_: Context, __: Given) -> Result:
    return told(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))


@tool()
async def multiple_content_types(_: Context, __: Given) -> Result:
    mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return told(text("Multiple content types test:"), IMAGE, mixed)


@tool()
async def error_handling(_: Context, __: Given) -> Result:
    return told(text("This tool intentionally returns an error for testing"), is_error=True)


@tool(SCHEMA_2020_12, name="json_schema_2020_12_tool")
async def whole_vocabulary(_: Context, __: Given) -> Result:
    return told(text("done"))


# What tools say while they run.


async def log(context: Context, words: str) -> None:
    with warnings.catch_warnings():
        # The newer era has done away with it, and the suite asks the older one for it.
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        say = context.session.send_log_message  # pyright: ignore[reportDeprecated]
        await say("info", words, related_request_id=context.request_id)


@tool()
async def tool_with_logging(context: Context, _: Given) -> Result:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await log(context, words)
        await asyncio.sleep(STEP)
    return told(text("logged"))


@tool()
async def logging_tool(context: Context, _: Given) -> Result:
    await log(context, "only for who asked to hear it")
    return told(text("logged"))


@tool()
async def tool_with_progress(context: Context, _: Given) -> Result:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await asyncio.sleep(STEP)
    return told(text("done"))


# What tools ask of a client, in the handshake era by requests.


async def elicited(context: Context, message: str, properties: Result, *required: str) -> types.ElicitResult:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return await context.session.elicit_form(message, schema, context.request_id)


@tool(None, "prompt")
async def sampling(context: Context, given: Given) -> Result:
    message = types.SamplingMessage(
        role="user", content=types.TextContent(type="text", text=argument(given, "prompt"))
    )
    params = types.CreateMessageRequestParams(messages=[message], max_tokens=100)
    answer = await context.session.send_request(
        types.CreateMessageRequest(params=params),
        types.CreateMessageResult,
        metadata=ServerMessageMetadata(related_request_id=context.request_id),
    )
    return told(text(f"LLM response: {answer.content}"))


@tool(None, "message")
async def elicitation(context: Context, given: Given) -> Result:
    asked = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    answer = await elicited(context, argument(given, "message"), asked, *asked)
    return told(text(f"User response: action={answer.action}, content={json.dumps(answer.content)}"))


@tool()
async def elicitation_sep1034_defaults(context: Context, _: Given) -> Result:
    asked: Result = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    answer = await elicited(context, "Please look at these", asked)
    return told(text(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"))


@tool()
async def elicitation_sep1330_enums(context: Context, _: Given) -> Result:
    plain = ["option1", "option2", "option3"]
    titled = [
        {"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)
    ]
    asked: Result = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    answer = await elicited(context, "Please choose", asked)
    return told(text(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"))


# What they ask of it in the newer era, by results that want more.


def elicit(message: str, name: str, kind: str = "string") -> Result:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return {"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}}


def sample(words: str, most: int) -> Result:
    message = {"role": "user", "content": text(words)}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": most}}


ROOTS: Final[Result] = {"method": "roots/list", "params": {}}


def wanted(requests: Result, state: str = "") -> Result:
    more: Result = {"requestState": state} if state else {}
    return {"resultType": "input_required", "inputRequests": requests, **more}


def has(given: Given, *keys: str) -> bool:
    return given.input_responses is not None and set(keys) <= given.input_responses.keys()


def asking(name: str, requests: Result, state: str = "") -> None:
    """Register a tool that wants these things, and then is content."""

    async def handler(_: Context, given: Given) -> Result:
        if has(given, *requests) and (not state or given.request_state == state):
            return told(text(f"Thank you{', state-ok' if state else ''}."))
        return wanted(requests, state)

    tool(name=name)(handler)


CONFIRM: Final = {"confirm": elicit("Please confirm", "ok", "boolean")}
NAME: Final = {"user_name": elicit("What is your name?", "name")}
asking("test_input_required_result_elicitation", NAME)
asking("test_streaming_elicitation", NAME)
asking("test_input_required_result_sampling", {"capital_question": sample("What is the capital of France?", 100)})
asking("test_input_required_result_list_roots", {"client_roots": ROOTS})
asking("test_input_required_result_request_state", CONFIRM, "one")
asking("test_input_required_result_tampered_state", CONFIRM, "one")
asking(
    "test_input_required_result_multiple_inputs",
    {**NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS},
    "one",
)


@tool()
async def input_required_result_multi_round(_: Context, given: Given) -> Result:
    if given.request_state == "two" and has(given, "step2"):
        return told(text("Thank you."))
    if given.request_state == "one" and has(given, "step1"):
        return wanted({"step2": elicit("Step 2: What is your favorite color?", "color")}, "two")
    return wanted({"step1": elicit("Step 1: What is your name?", "name")}, "one")


@tool()
async def input_required_result_capabilities(context: Context, _: Given) -> Result:
    has_of = context.session.client_capabilities or types.ClientCapabilities()
    able: Result = {}
    if has_of.sampling is not None:
        able["greeting"] = sample("Generate a greeting", 50)
    if has_of.elicitation is not None:
        able |= NAME
    return wanted(able)


@tool()
async def missing_capability(context: Context, _: Given) -> Result:
    declared = context.session.client_capabilities
    if declared is None or declared.sampling is None:
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This fixture needs a client that samples.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return told(text("sampled"))
