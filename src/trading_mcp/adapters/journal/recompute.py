"""Recomputes the chain of an export with nothing but Python itself: copy this one file anywhere and run it.

    python recompute.py EXPORT.jsonl [EXPORT.jsonl.gz ...]

It shares no code with the journal on purpose. Each line is {"seq", "at", "kind", "body", "prev", "hash"}, and

    hash = SHA-256(field(domain) + field(seq) + field(prev) + field(kind) + field(at) + field(body))

where field(x) is the length of x in four bytes followed by x; seq and at are eight bytes, at signed; numbers
are big-endian, text is UTF-8, domain is "trading-mcp/journal/1", and the first entry's prev is 32 zero bytes.
"""

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _hash(entry: "dict[str, object]") -> str:
    seq, at = entry["seq"], entry["at"]
    if not isinstance(seq, int) or not isinstance(at, int):
        raise TypeError("seq and at are numbers")
    fields = (
        b"trading-mcp/journal/1",
        seq.to_bytes(8, "big"),
        bytes.fromhex(str(entry["prev"])),
        str(entry["kind"]).encode(),
        at.to_bytes(8, "big", signed=True),
        str(entry["body"]).encode(),
    )
    return hashlib.sha256(b"".join(map(_field, fields))).hexdigest()


def recompute(lines: Iterable[bytes]) -> "tuple[int, str]":
    """How many entries there are and the hash of the last; ValueError names the first bad one."""
    seq, head = 0, "0" * 64
    for number, line in enumerate(lines, start=1):
        entry = json.loads(line)
        if number == 1 and entry["seq"] != 1:
            # A part of a journal: what came before it has to be believed, or checked from its own export.
            seq, head = entry["seq"] - 1, entry["prev"]
        if entry["seq"] != seq + 1:
            raise ValueError(f"line {number}: entry {seq + 1} is missing, {entry['seq']!r} stands there")
        if entry["prev"] != head:
            raise ValueError(f"line {number}: entry {entry['seq']} does not follow the one before it")
        if _hash(entry) != entry["hash"]:
            raise ValueError(f"line {number}: entry {entry['seq']} was changed")
        seq, head = entry["seq"], entry["hash"]
    return seq, head


def _lines(names: "list[str]") -> "Iterator[bytes]":
    for name in names:
        with gzip.open(name) if name.endswith(".gz") else Path(name).open("rb") as file:
            yield from file


def main(names: "list[str]") -> int:
    if not names:
        sys.stderr.write("Name at least one export.\n")
        return 2
    try:
        seq, head = recompute(_lines(names))
    except (
        ValueError,
        LookupError,
        TypeError,
        OverflowError,
        RecursionError,
        EOFError,
        OSError,
        zlib.error,
    ) as error:
        sys.stderr.write(f"BROKEN {error!s:.500}\n")
        return 1
    sys.stdout.write(f"HOLDS up to entry {seq}, head {head}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
