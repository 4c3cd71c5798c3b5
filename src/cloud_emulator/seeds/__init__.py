"""Sample clouds, and how a cloud is filled from a seed."""
