"""Canonical bytes: one value is one sequence of bytes, with sorted keys, decimals as strings, UTF-8."""

from typing import Final

import msgspec

canonical: Final = msgspec.json.Encoder(order="sorted", decimal_format="string").encode
