"""What a person signs, and how: the sealed key, the statement, the facts shown before it, and the passphrase."""
