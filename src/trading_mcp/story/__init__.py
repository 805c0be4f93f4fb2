"""One simulated day, played through the whole core into a real journal, and told so that it is worth reading."""
