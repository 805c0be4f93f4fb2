"""The command line's end of the socket: typed requests in, one JSON object a line out."""
