"""Offboarding: what of a catalog is ours goes, in a safe order; what was there before us, or others need, stays."""

from unity_mirror.steps.offboard.applying import apply_offboarding
from unity_mirror.steps.offboard.planning import Offboarding, plan_offboarding

__all__ = ["Offboarding", "apply_offboarding", "plan_offboarding"]
