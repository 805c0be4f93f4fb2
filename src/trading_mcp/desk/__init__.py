"""The shell: gather, decide, record, act, report, in that order and never another."""
