"""`foretune mcp`: a server of the Model Context Protocol, for agents."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from foretune.errors import ConfigurationError, ForetuneError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

_INSTRUCTIONS = """foretune finds the best LoRA finetuning of a language model on a dataset within a time budget.
`recommend` predicts without training. `tune` starts a search and returns at once; ask for its `status` until the state
is no longer loading or running, then for the `report`. Paths are those of the machine that the server runs on."""


def mcp() -> None:
    """Serve recommend, tune, status and report to an agent, over standard input and output (Model Context Protocol)."""
    server().run()


def server() -> MCPServer:
    """The server with its tools.

    Raises:
        ConfigurationError: the library `mcp` is missing, or older than version 2.
    """
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError as error:
        message = f"foretune mcp needs the library mcp, version 2 ({error}); install with: pip install 'foretune[mcp]'"
        raise ConfigurationError(message) from error
    from foretune.cli.tools import Tools

    made = MCPServer("foretune", instructions=_INSTRUCTIONS, version=version("foretune"), log_level="WARNING")
    tools = Tools()
    for tool in (tools.recommend, tools.tune, tools.status, tools.report):
        made.tool()(_told(tool))
    return made


def _told(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A tool whose errors of the user reach the agent in their own words."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    def run(**given: Any) -> dict[str, Any]:
        try:
            return tool(**given)
        except ForetuneError as error:
            raise ToolError(str(error)) from error

    return run
