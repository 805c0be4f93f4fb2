"""What every bench needs: percentiles, an aligned table with its aims, and the same as JSON."""

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded.json")
# A ratio beyond its recorded one by more than this is a bug to explain.
GROWTH_MAX = 1.2


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure; `ratio` compares it with what was measured beside it in the same run."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    aim: str = ""


def percentile(samples: Sequence[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def report(results: Sequence[Result]) -> None:
    """Print the table or, on request, JSON; say which ratio grew by more than a fifth since it was recorded."""
    recorded: dict[str, float] = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    if "--record" in sys.argv:
        recorded |= {result.name: round(result.ratio, 2) for result in results if result.ratio is not None}
        RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", "utf-8")
    if "--json" in sys.argv:
        print(json.dumps([asdict(result) for result in results], indent=1))
        return
    for result in results:
        print(_row(result, recorded.get(result.name)))


def _row(result: Result, recorded: float | None) -> str:
    compared = "" if result.ratio is None else f"{result.ratio:6.2f} x {result.against}"
    aim = f"  aim {result.aim}" if result.aim else ""
    is_slower = result.ratio is not None and recorded is not None and result.ratio > recorded * GROWTH_MAX
    slower = f"  SLOWER than the recorded {recorded} x" if is_slower else ""
    return f"{result.name:<52}{result.value:12,.3f} {result.unit:<10}{compared:<26}{aim}{slower}".rstrip()
