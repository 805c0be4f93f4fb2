"""The tests, and the few modules they share."""
