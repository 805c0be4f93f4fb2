"""What a home is told from outside: policies and settings."""
