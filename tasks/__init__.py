"""Prefect tasks: one module for each step, each a thin wrapper round the step of the same name."""
