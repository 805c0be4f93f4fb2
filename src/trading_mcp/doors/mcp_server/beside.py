"""What a server offers beside its tools: resources to read and watch, prompts, and completions for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from trading_mcp.desk.moments import Moments
from trading_mcp.doors.mcp_server import prompts, resources
from trading_mcp.doors.mcp_server.calls import Calls
from trading_mcp.doors.mcp_server.completions import VALUES_MAX, completed
from trading_mcp.doors.mcp_server.prompts import Prompt
from trading_mcp.doors.mcp_server.resources import Resource
from trading_mcp.doors.mcp_server.server import caller_of
from trading_mcp.doors.mcp_server.tool import Tool
from trading_mcp.errors import UsageInvalid
from trading_mcp.redact import redacted

JSON: Final = "application/json"

_Context = ServerRequestContext[dict[str, Any], Any]
_Server = Server[dict[str, Any]]


def add_resources(server: _Server, tools: Sequence[Tool], calls: Calls) -> None:
    """Let clients list and read what these tools' desk tells by address."""
    offered = resources.offered(tools)
    listed = types.ListResourcesResult(resources=[_resource(each) for each in offered if not each.part])
    templates = types.ListResourceTemplatesResult(
        resource_templates=[_template(each) for each in offered if each.part]
    )

    async def list_resources(_: _Context, __: types.PaginatedRequestParams) -> types.ListResourcesResult:
        return listed

    async def list_templates(_: _Context, __: types.PaginatedRequestParams) -> types.ListResourceTemplatesResult:
        return templates

    async def read(context: _Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        found = resources.found(offered, params.uri)
        if found is None:
            known = ", ".join(each.template for each in offered) or "none"
            raise _not_there(f"There is no {redacted(params.uri, 80)} here. There are: {known}.", params.uri)
        reply = await calls.answer(found.resource.tool, found.given, caller_of(context))
        if reply.result["isError"]:
            told = reply.result["structuredContent"]["error"]
            sentence = f"{told['message']} {told['next_step']}"
            if told["code"] == UsageInvalid.__name__:
                raise _not_there(sentence, params.uri)
            raise MCPError(code=types.INTERNAL_ERROR, message=sentence)
        text = types.TextResourceContents(uri=params.uri, mime_type=JSON, text=reply.text.decode())
        return types.ReadResourceResult(contents=[text])

    server.add_request_handler("resources/list", types.PaginatedRequestParams, list_resources)
    server.add_request_handler("resources/templates/list", types.PaginatedRequestParams, list_templates)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, read)


def _resource(each: Resource) -> types.Resource:
    return types.Resource(
        uri=each.uri, name=each.title, title=each.title, description=each.description, mime_type=JSON
    )


def _template(each: Resource) -> types.ResourceTemplate:
    return types.ResourceTemplate(
        uri_template=each.template, name=each.title, title=each.title, description=each.description, mime_type=JSON
    )


def _not_there(sentence: str, uri: str) -> MCPError:
    return MCPError(code=types.INVALID_PARAMS, message=sentence, data={"uri": redacted(uri, resources.ADDRESS_MAX)})


def add_prompts(server: _Server, tools: Sequence[Tool]) -> None:
    """Let a person ask by name for what these tools can tell."""
    offered = {each.name: each for each in prompts.offered(tools)}
    listed = types.ListPromptsResult(prompts=[described(each) for each in offered.values()])

    async def list_prompts(_: _Context, __: types.PaginatedRequestParams) -> types.ListPromptsResult:
        return listed

    async def get_prompt(_: _Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        prompt = offered.get(params.name)
        if prompt is None:
            known = ", ".join(offered) or "none"
            raise _refused(f"There is no prompt {redacted(params.name, 60)} here. There are: {known}.")
        try:
            text = prompt.said(params.arguments or {})
        except UsageInvalid as error:
            raise _refused(f"{error.message} {error.next_step}") from None
        message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=text))
        return types.GetPromptResult(description=prompt.description, messages=[message])

    server.add_request_handler("prompts/list", types.PaginatedRequestParams, list_prompts)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, get_prompt)


def described(prompt: Prompt) -> types.Prompt:
    """Return a prompt as clients see it."""
    return types.Prompt(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=[
            types.PromptArgument(name=each.name, description=each.description, required=False)
            for each in prompt.arguments
        ],
    )


def add_completions(server: _Server, tools: Sequence[Tool], moments: Moments) -> None:
    """Let clients ask how the arguments of prompts and the parts of addresses may go on."""
    known = {each.name: {argument.name for argument in each.arguments} for each in prompts.offered(tools)}
    known |= {each.template: {each.part} for each in resources.offered(tools) if each.part}

    async def complete(_: _Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        of = params.ref.name if isinstance(params.ref, types.PromptReference) else params.ref.uri
        if of not in known:
            raise _refused(f"There is no {redacted(of, 80)} here. There are: {', '.join(known) or 'none'}.")
        if params.argument.name not in known[of]:
            has = ", ".join(sorted(known[of])) or "no arguments"
            raise _refused(f"{of} has no argument {redacted(params.argument.name, 60)}. It has: {has}.")
        values, total = completed(moments, params.argument.name, params.argument.value)
        return types.CompleteResult(
            completion=types.Completion(values=values, total=total, has_more=total > VALUES_MAX)
        )

    server.add_request_handler("completion/complete", types.CompleteRequestParams, complete)


def _refused(sentence: str) -> MCPError:
    return MCPError(code=types.INVALID_PARAMS, message=sentence)
