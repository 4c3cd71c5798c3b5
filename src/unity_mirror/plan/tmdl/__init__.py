"""Semantic models as TMDL: built from Unity Catalog's tables, and compared with what is there. Pure."""

from unity_mirror.plan.tmdl.building import build_model
from unity_mirror.plan.tmdl.diff import ModelDiff, compare
from unity_mirror.plan.tmdl.keeping import Kept, keep_tables
from unity_mirror.plan.tmdl.metric_views import METRIC_VIEW
from unity_mirror.plan.tmdl.model import (
    ModelColumn,
    ModelDefinition,
    ModelInput,
    ModelMeasure,
    ModelRelationship,
    ModelTable,
    NotModelled,
    SqlSource,
)
from unity_mirror.plan.tmdl.shown import held_names, made_by_us, tables_shown

__all__ = [
    "METRIC_VIEW",
    "Kept",
    "ModelColumn",
    "ModelDefinition",
    "ModelDiff",
    "ModelInput",
    "ModelMeasure",
    "ModelRelationship",
    "ModelTable",
    "NotModelled",
    "SqlSource",
    "build_model",
    "compare",
    "held_names",
    "keep_tables",
    "made_by_us",
    "tables_shown",
]
