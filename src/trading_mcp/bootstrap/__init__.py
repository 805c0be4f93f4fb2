"""The one place that joins ports to adapters: it makes homes, and starts a desk in one."""
