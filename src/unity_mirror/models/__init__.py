"""What the clouds hold: frozen pictures of their answers, no I/O."""
