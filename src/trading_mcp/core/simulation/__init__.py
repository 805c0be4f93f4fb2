"""The simulated world: a synthetic market, what trading costs, and how orders turn into fills."""
