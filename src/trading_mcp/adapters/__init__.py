"""The outside world, one folder per port: what the desk reaches through core/ports and nothing else does."""
