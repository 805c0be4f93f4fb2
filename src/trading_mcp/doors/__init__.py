"""The ways in: thin, parse, hand to the desk, answer."""
