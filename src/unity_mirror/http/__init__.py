"""The one way to the clouds: sign-in, retries, throttling, paging, long-running operations, errors."""
