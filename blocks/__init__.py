"""Prefect blocks: endpoints and credentials. Nothing else holds a secret.

Register them with ``prefect block register -m blocks``, in the repository's root.
"""

from blocks.checking import Answer, Checked
from blocks.clouds import Addresses, UnityMirrorClouds
from blocks.secrets import named_secrets

__all__ = ["Addresses", "Answer", "Checked", "UnityMirrorClouds", "named_secrets"]
