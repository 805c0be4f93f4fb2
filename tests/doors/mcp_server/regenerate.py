"""Write the manifest of what models read; a test fails while it differs from the code."""

from pathlib import Path
from typing import Final

from trading_mcp.doors.mcp_server.manifest import manifest

MANIFEST: Final = Path(__file__).with_name("manifest.json")


if __name__ == "__main__":
    MANIFEST.write_text(manifest(), "utf-8")
