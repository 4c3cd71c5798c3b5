"""Names in Prefect that the stack and its set-up share; apart, since importing Prefect takes seconds."""

BLOCK = "emulator"
WORK_POOL = "unity-mirror"
