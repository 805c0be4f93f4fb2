"""The file HALT in a home, which stops all trading while it stands, whoever put it there."""

import os
from pathlib import Path
from typing import Final

HALT: Final = "HALT"
READY: Final = "HALT.off"


class HaltFile:
    """Looked for before every write to a venue; put up when nothing can be recorded; taken down by people only."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._halt = str(home / HALT)

    def stands(self) -> bool:
        """Whether anything of that name is there; not being able to look is a yes."""
        try:
            os.lstat(self._halt)
        except FileNotFoundError:
            return not self.home.is_dir()
        except OSError:
            return True
        return True

    def arm(self) -> None:
        """Lay HALT.off ready, which can be renamed on a full disk, where nothing can be created."""
        ready = self.home / READY
        if not self.stands() and not os.path.lexists(ready):
            os.close(os.open(ready, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            self._sync()

    def put_up(self) -> bool:
        """Stop all trading for good: by renaming HALT.off, else by a new file. Whether it stands."""
        try:
            if not self.stands():
                ready = self.home / READY
                if os.path.lexists(ready):
                    ready.rename(self._halt)
                else:
                    os.close(os.open(self._halt, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            self._sync()
        except OSError:
            return os.path.lexists(self._halt)
        return True

    def _sync(self) -> None:
        folder = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
