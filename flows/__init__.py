"""Prefect flows: order, concurrency, artifacts, events and names of runs. They are deployed by prefect.yaml."""
