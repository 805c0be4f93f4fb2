"""Everything that is decided and nothing that happens: no I/O, no clock, no dice."""
