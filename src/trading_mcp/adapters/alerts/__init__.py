"""Telling a person who is away: this machine's desktop, and one address through apprise."""
