"""What every emulated service stands on: requests, routing, state, time, identity and long-running work."""
