"""The assistants' door: the official SDK over the desk's socket, one session a connection."""
