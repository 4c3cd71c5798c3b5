"""The vocabulary of TMDL that semantic models on OneLake use: which objects hold which properties and objects."""

from __future__ import annotations

from collections.abc import Mapping

_NOTES = frozenset({"annotation", "extendedProperty", "changedProperty"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VOCABULARY: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "database": (_words("id compatibilityLevel compatibilityMode language"), _NOTES),
    "model": (
        _words(
            "culture defaultPowerBIDataSourceVersion discourageImplicitMeasures sourceQueryCulture defaultMode"
            " collation directLakeBehavior forceUniqueNames disableAutoExists maxParallelismPerQuery"
            " maxParallelismPerRefresh discourageCompositeModels dataSourceDefaultMaxConnections valueFilterBehavior"
        ),
        _words("dataAccessOptions queryGroup ref") | _NOTES,
    ),
    "dataAccessOptions": (_words("fastCombine legacyRedirects returnErrorValuesAsNull"), frozenset()),
    "expression": (_words("lineageTag sourceLineageTag queryGroup kind"), _NOTES),
    "table": (
        _words(
            "lineageTag sourceLineageTag isHidden isPrivate dataCategory excludeFromModelRefresh showAsVariationsOnly"
            " alternateSourcePrecedence"
        ),
        _words("column measure partition hierarchy calculationGroup defaultDetailRowsDefinition") | _NOTES,
    ),
    "column": (
        _words(
            "dataType isHidden isKey isNullable isUnique isAvailableInMdx isDefaultLabel isDefaultImage isNameInferred"
            " isDataTypeInferred keepUniqueRows formatString lineageTag sourceLineageTag summarizeBy sourceColumn"
            " sourceProviderType dataCategory sortByColumn displayFolder displayOrdinal alignment encodingHint"
            " tableDetailPosition"
        ),
        _words("variation") | _NOTES,
    ),
    "measure": (
        _words("formatString isHidden isSimpleMeasure displayFolder lineageTag sourceLineageTag dataCategory dataType"),
        _words("formatStringDefinition detailRowsDefinition kpi") | _NOTES,
    ),
    "calculationGroup": (
        _words("precedence"),
        _words("calculationItem multipleOrEmptySelectionExpression noSelectionExpression") | _NOTES,
    ),
    "calculationItem": (_words("ordinal"), _words("formatStringDefinition") | _NOTES),
    "kpi": (
        _words("statusGraphic statusDescription targetDescription targetFormatString trendDescription trendGraphic"),
        _words("statusExpression targetExpression trendExpression") | _NOTES,
    ),
    "source": (_words("entityName schemaName expressionSource"), frozenset()),
    "annotation": (frozenset(), frozenset()),
    "linguisticMetadata": (_words("contentType"), _NOTES),
    "hierarchy": (_words("isHidden displayFolder hideMembers lineageTag sourceLineageTag"), _words("level") | _NOTES),
    "level": (_words("column ordinal lineageTag sourceLineageTag"), _NOTES),
    "role": (_words("modelPermission"), _words("tablePermission member") | _NOTES),
    "tablePermission": (_words("metadataPermission"), _words("columnPermission") | _NOTES),
    "perspective": (frozenset(), _words("perspectiveTable") | _NOTES),
    "perspectiveTable": (
        _words("includeAll"),
        _words("perspectiveColumn perspectiveMeasure perspectiveHierarchy") | _NOTES,
    ),
    "cultureInfo": (frozenset(), _words("translations linguisticMetadata") | _NOTES),
    "partition": (_words("mode dataView queryGroup retainDataTillForceCalculate"), _words("source") | _NOTES),
    "relationship": (
        _words(
            "fromColumn toColumn fromCardinality toCardinality crossFilteringBehavior securityFilteringBehavior"
            " isActive joinOnDateBehavior relyOnReferentialIntegrity"
        ),
        _NOTES,
    ),
}
"""Properties and child objects by kind; a kind that isn't here is not looked into."""

VALUES: Mapping[tuple[str, str], frozenset[str]] = {
    ("column", "dataType"): _words("string int64 double dateTime decimal boolean binary"),
    ("column", "summarizeBy"): _words("default none sum min max count average distinctCount"),
    ("model", "defaultPowerBIDataSourceVersion"): _words("powerBI_V1 powerBI_V2 powerBI_V3"),
    ("model", "directLakeBehavior"): _words("automatic directLakeOnly directQueryOnly"),
    ("linguisticMetadata", "contentType"): _words("xml json"),
    ("role", "modelPermission"): _words("none read readRefresh refresh administrator"),
    ("tablePermission", "metadataPermission"): _words("default none read"),
    ("partition", "mode"): _words("import directQuery default push dual directLake"),
    ("relationship", "fromCardinality"): _words("none one many"),
    ("relationship", "toCardinality"): _words("none one many"),
    ("relationship", "crossFilteringBehavior"): _words("oneDirection bothDirections automatic"),
    ("relationship", "securityFilteringBehavior"): _words("oneDirection bothDirections none"),
    ("relationship", "joinOnDateBehavior"): _words("dateAndTime datePartOnly"),
}
"""The values that enumerated properties take."""

FLAGS = frozenset(
    {
        "isHidden", "isPrivate", "isKey", "isNullable", "isUnique", "isActive", "relyOnReferentialIntegrity",
        "discourageImplicitMeasures", "legacyRedirects", "returnErrorValuesAsNull", "isAvailableInMdx",
    }
)  # fmt: skip
"""Properties that are true or false."""
