"""Venues: each module speaks one venue's language outwards and the Broker port's inwards."""
