"""The steps: each reads the clouds, computes its part of the plan, and applies only that."""
