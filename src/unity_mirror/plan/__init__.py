"""Desired state, difference and plan: pure functions, no I/O, no clock."""
