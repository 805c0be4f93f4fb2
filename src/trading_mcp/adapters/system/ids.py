"""Where numbers come from that nobody may guess, and a seeded source for tests that must repeat."""

import hashlib
import os

NONCE_BYTES = 16


class SystemIds:
    """Random bytes of the operating system."""

    def nonce(self) -> str:
        """A name that nobody can guess and that never comes again: 32 hexadecimal digits."""
        return self.seed(NONCE_BYTES).hex()

    def seed(self, size: int = 32) -> bytes:
        return os.urandom(size)


class SeededIds:
    """The same bytes in the same order for the same seed; never where money is real."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def nonce(self) -> str:
        return self.seed(NONCE_BYTES).hex()

    def seed(self, size: int = 32) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed}/{self._drawn}".encode()).digest(size)
