"""Tasks that nobody waits for: each has a name, none runs twice at a time, and none fails unnoticed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


class Crew:
    """Owns tasks by name; `ended` hears of every end, with the exception if there was one."""

    def __init__(self, ended: Callable[[str, BaseException | None], None]) -> None:
        self._ended = ended
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}

    def start(self, name: str, work: Work) -> None:
        """Start a task, or wake the one of that name from its pause."""
        if name in self._tasks:
            self._wakes[name].set()
            return
        self._wakes[name] = asyncio.Event()
        task = asyncio.get_running_loop().create_task(work(), name=name)
        self._tasks[name] = task
        task.add_done_callback(self._done)

    def has(self, name: str) -> bool:
        return name in self._tasks

    async def pause(self, name: str, seconds: float) -> None:
        """Let time pass for a task, or less of it if somebody wakes it."""
        wake = self._wakes[name]
        timer = asyncio.get_running_loop().call_later(seconds, wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()
        wake.clear()

    async def finish(self, kind: str, seconds: float) -> bool:
        """Wait for the tasks whose names begin with a word; return whether all of them ended."""
        waiting = [task for name, task in self._tasks.items() if name.startswith(kind)]
        if not waiting:
            return True
        _, left = await asyncio.wait(waiting, timeout=seconds)
        return not left

    async def stop(self) -> None:
        """End every task; each may still say what it leaves behind."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        name = task.get_name()
        del self._tasks[name], self._wakes[name]
        self._ended(name, None if task.cancelled() else task.exception())
