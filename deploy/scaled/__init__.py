"""Prefect past one process: PostgreSQL, Redis, two API replicas behind HAProxy, services apart, two workers."""
