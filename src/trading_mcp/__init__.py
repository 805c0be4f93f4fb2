"""trading-mcp: a local trading desk for AI assistants that no program can talk around."""

# The one place the version is written: the build reads it from here. A look-up in the installed metadata
# would say the same and cost the bridge, which imports this package at every start, most of its budget.
__version__ = "0.1.0"
