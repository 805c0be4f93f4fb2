"""What every event is: one thing that happened, at a moment, under a tag that carries the version of its shape."""

import msgspec


class Event(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="event", tag="{}.1".format
):
    """One thing that happened; its tag carries the version of its shape, which has no other fields."""

    at: int
