"""A disk that remembers every write and sync, can lose power between any two, and can be full at any one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

import apsw
import msgspec

SECTOR = 512
SUBSETS_MAX = 4


class Write(msgspec.Struct, frozen=True):
    """Bytes put into a file; not durable before the next sync of that file."""

    name: str
    offset: int
    data: bytes


class Truncate(msgspec.Struct, frozen=True):
    name: str
    size: int


class Sync(msgspec.Struct, frozen=True):
    name: str


class Delete(msgspec.Struct, frozen=True):
    name: str


class Acknowledged(msgspec.Struct, frozen=True):
    """The journal said that this many entries are durable."""

    entries: int


Step = Write | Truncate | Sync | Delete | Acknowledged


class Disk(apsw.VFS):
    """SQLite's own file system, with a record of what it was told; `before` may raise, to be full."""

    def __init__(self, name: str, before: Callable[[str], None] = lambda _: None) -> None:
        self.steps: list[Step] = []
        self.before = before
        self.vfs = name
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.steps.append(Delete(Path(filename).name))
        super().xDelete(filename, syncdir)

    def connect(self, path: Path) -> apsw.Connection:
        return apsw.Connection(str(path), vfs=self.vfs)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.before("write")
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType] - apsw calls it Buffer
        self._disk.steps.append(Write(self._name, offset, bytes(data)))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.before("sync")
        super().xSync(flags)
        self._disk.steps.append(Sync(self._name))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.before("truncate")
        super().xTruncate(newsize)
        self._disk.steps.append(Truncate(self._name, newsize))


def outcomes(
    files: dict[str, bytes], steps: Sequence[Step], random: Random, samples: int
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Every moment the power can go: the entries acknowledged by then, and what may be on the disk.

    What was synced is there. Of what was not, any part may be, in any order, down to a sector.
    """
    durable = dict(files)
    pending: list[Step] = []
    acknowledged = 0
    for step in steps:
        match step:
            case Acknowledged():
                acknowledged = step.entries
            case Sync():
                for earlier in [one for one in pending if _name(one) == step.name]:
                    _apply(durable, earlier)
                    pending.remove(earlier)
                durable.setdefault(step.name, b"")
            case _:
                pending.append(step)
        for chosen in _choices(pending, random, samples):
            found = dict(durable)
            for one in chosen:
                _apply(found, one)
            yield acknowledged, found


def _choices(pending: Sequence[Step], random: Random, samples: int) -> Iterator[Sequence[Step]]:
    if len(pending) <= SUBSETS_MAX:
        for size in range(len(pending) + 1):
            yield from combinations(pending, size)
    else:
        yield ()
        yield pending
        for _ in range(samples):
            yield [one for one in pending if random.random() < 0.5]
    if pending and isinstance(pending[-1], Write) and len(pending[-1].data) > SECTOR:
        last = pending[-1]
        cut = random.randrange(SECTOR, len(last.data), SECTOR)
        yield [*pending[:-1], Write(last.name, last.offset, last.data[:cut])]


def _name(step: Step) -> str:
    return "" if isinstance(step, Acknowledged) else step.name


def _apply(files: dict[str, bytes], step: Step) -> None:
    match step:
        case Write():
            content = files.get(step.name, b"").ljust(step.offset, b"\0")
            files[step.name] = content[: step.offset] + step.data + content[step.offset + len(step.data) :]
        case Truncate():
            files[step.name] = files.get(step.name, b"")[: step.size].ljust(step.size, b"\0")
        case Delete():
            files.pop(step.name, None)
        case _:
            raise AssertionError(step)


def put(home: Path, files: dict[str, bytes]) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    for old in home.iterdir():
        old.unlink()
    for name, content in files.items():
        (home / name).touch(mode=0o600)
        (home / name).write_bytes(content)


def taken(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}
