"""What a venue answers when it neither does what was asked nor refuses it: nothing is known after it."""


class VenueTrouble(Exception):
    """An answer that is neither yes nor no; what became of the request has to be looked up."""

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after  # microseconds; None: the venue did not say

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"
