"""``python -m unity_mirror.cli``."""

from unity_mirror.cli import main

main()
