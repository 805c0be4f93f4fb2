"""The commands: arguments in, one request to the desk, and a page or one JSON object out."""
