"""The simulated world: a synthetic market, what trading costs, and the engine that turns orders into fills."""
