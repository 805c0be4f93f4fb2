"""The limits: what a policy may say, what every order must pass, and what comes of it."""
