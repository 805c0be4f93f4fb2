"""The fixtures that the official suite expects of a server, mounted beside what our own server offers.

They are given to the very server that the doors serve, as handlers that answer for their own names and hand
everything else on. Nothing of them is shipped: it takes a test to put them there.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp import types
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.subscriptions import PromptsListChanged, ServerEvent, ToolsListChanged

from tests.conformance.pack_tools import (
    IMAGE,
    PIXEL,
    TOOLS,
    Context,
    Result,
    argument,
    elicit,
    embedded,
    has,
    text,
    told,
    wanted,
)

# What every answer of the newer era says of itself, and the SDK says for those who answer with its own types.
WHOLE: Final = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
Publish = Callable[[ServerEvent], Awaitable[None]]

RESOURCES: Final[dict[str, Result]] = {
    "test://static-text": {"mimeType": "text/plain", "text": "This is the content of the static text resource."},
    "test://static-binary": {"mimeType": "image/png", "blob": PIXEL},
    "test://watched-resource": {"mimeType": "text/plain", "text": "watched"},
}
TEMPLATE: Final = ("test://template/", "/data")


def contents(uri: str) -> Result | None:
    begins, ends = TEMPLATE
    if uri.startswith(begins) and uri.endswith(ends):
        part = uri.removeprefix(begins).removesuffix(ends)
        body = json.dumps({"id": part, "templateTest": True, "data": f"Data for ID: {part}"})
        return {"contents": [{"uri": uri, "mimeType": "application/json", "text": body}]}
    found = RESOURCES.get(uri)
    return None if found is None else {"contents": [{"uri": uri, **found}]}


PROMPTS: Final[dict[str, tuple[str, ...]]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


def messages(*content: Result) -> Result:
    return {"messages": [{"role": "user", "content": each} for each in content]}


def prompted(given: types.GetPromptRequestParams) -> Result | None:
    match given.name:
        case "test_simple_prompt":
            return messages(text("This is a simple prompt for testing."))
        case "test_prompt_with_arguments":
            one, two = argument(given, "arg1"), argument(given, "arg2")
            return messages(text(f"Prompt with arguments: arg1='{one}', arg2='{two}'"))
        case "test_prompt_with_embedded_resource":
            words = "Embedded resource content for testing."
            resource = embedded(argument(given, "resourceUri"), "text/plain", words)
            return messages(resource, text("Please process the embedded resource above."))
        case "test_prompt_with_image":
            return messages(IMAGE, text("Please analyze the image above."))
        case "test_input_required_result_prompt":
            asked = {"user_context": elicit("What context should the prompt use?", "context")}
            return messages(text("Thank you.")) if has(given, *asked) else wanted(asked)
        case _:
            return None


# Putting them there.


def mount(server: Server[Any], publish: Publish) -> None:
    """Let a server answer for the fixtures too; whatever is not one of theirs is answered as before."""
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name))

    async def changed(event: ServerEvent) -> Result:
        await publish(event)
        return told(text("changed"))

    async def call(context: Context, given: types.CallToolRequestParams) -> Result | None:
        if given.name == "test_trigger_tool_change":
            return await changed(ToolsListChanged())
        if given.name == "test_trigger_prompt_change":
            return await changed(PromptsListChanged())
        return await TOOLS[given.name][1](context, given) if given.name in TOOLS else None

    async def get_prompt(_: Context, given: types.GetPromptRequestParams) -> Result | None:
        return prompted(given)

    async def read(_: Context, given: types.ReadResourceRequestParams) -> Result | None:
        return contents(given.uri)

    async def complete(_: Context, given: types.CompleteRequestParams) -> Result | None:
        is_ours = isinstance(given.ref, types.PromptReference) and given.ref.name in PROMPTS
        return {"completion": {"values": ["test one"], "total": 1, "hasMore": False}} if is_ours else None

    async def set_level(_: Context, __: types.SetLevelRequestParams) -> Result:
        return {}

    _before(server, "tools/call", types.CallToolRequestParams, call)
    _before(server, "prompts/get", types.GetPromptRequestParams, get_prompt)
    _before(server, "resources/read", types.ReadResourceRequestParams, read)
    _before(server, "completion/complete", types.CompleteRequestParams, complete)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)
    _beside(server, "tools/list", "tools", [shown for shown, _ in TOOLS.values()])
    _beside(
        server,
        "resources/list",
        "resources",
        [types.Resource(uri=uri, name=uri, description="A fixture of the suite.") for uri in RESOURCES],
    )
    _beside(
        server,
        "resources/templates/list",
        "resource_templates",
        [types.ResourceTemplate(uri_template="{id}".join(TEMPLATE), name="template", description="A fixture.")],
    )
    _beside(
        server,
        "prompts/list",
        "prompts",
        [
            types.Prompt(
                name=name,
                description="A fixture of the suite.",
                arguments=[types.PromptArgument(name=each, description="text", required=True) for each in required],
            )
            for name, required in PROMPTS.items()
        ],
    )


def _before(server: Server[Any], method: str, params: type[Any], mine: Callable[..., Awaitable[Any]]) -> None:
    theirs = server.get_request_handler(method)
    assert theirs is not None, f"our server does not answer {method}"

    async def handle(context: Context, given: Any) -> Any:
        answer = await mine(context, given)
        return await theirs.handler(context, given) if answer is None else {**WHOLE, **answer}

    server.add_request_handler(method, params, handle)


def _beside(server: Server[Any], method: str, field: str, more: list[Any]) -> None:
    theirs = server.get_request_handler(method)
    assert theirs is not None, f"our server does not answer {method}"

    async def handle(context: Context, given: types.PaginatedRequestParams) -> Any:
        listed: Any = await theirs.handler(context, given)
        return listed.model_copy(update={field: [*getattr(listed, field), *more]})

    server.add_request_handler(method, types.PaginatedRequestParams, handle)
