"""The journal on disk: a hash-chained, append-only record that is the desk's whole state."""
