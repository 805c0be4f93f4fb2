"""Where prices come from: one module for each source, all of them speaking the same nouns."""
