"""The peer of bench.doors: one trivial tool on the official SDK's own stdio server, as its documentation shows it."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("plain")


@server.tool()
def ping(text: str) -> str:
    """Say it back."""
    return text


if __name__ == "__main__":
    server.run("stdio")
