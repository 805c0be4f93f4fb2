"""The machine we run on, behind ports: its clock and what else an operating system knows."""
