"""The local stack: an emulated cloud, a Prefect server and a worker, started and stopped as one, and the demo on it."""
