"""The paper venue: real or simulated prices in, simulated money only, and records of its own."""
