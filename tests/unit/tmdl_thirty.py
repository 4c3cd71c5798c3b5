"""Thirty edits by hand, one of every kind, each as Power BI or Tabular Editor would write it."""
# ruff: noqa: E101 - people indent their DAX as they like

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

FACT, DATE, CUSTOMER = (f"definition/tables/{name}.tmdl" for name in ("fact_sales", "dim_date", "dim_customer"))
MODEL, RELATIONSHIPS = "definition/model.tmdl", "definition/relationships.tmdl"
Parts = MutableMapping[str, str]


@dataclass(frozen=True)
class Edit:
    """What someone did: how it changes the definition, and words (of one part) that only it brought."""

    what: str
    do: Callable[[Parts], None]
    trace: str


def _replace(path: str, old: str, new: str) -> Callable[[Parts], None]:
    def do(parts: Parts) -> None:
        assert old in parts[path], f"{path} holds no {old!r}"
        parts[path] = parts[path].replace(old, new, 1)

    return do


def _before_partition(path: str, text: str) -> Callable[[Parts], None]:
    return _replace(path, "\n\tpartition ", f"\n{text}\n\tpartition ")


def _of_column(path: str, column: str, line: str) -> Callable[[Parts], None]:
    """Adds a line to a column's properties."""
    return _replace(path, f"\tcolumn {column}\n", f"\tcolumn {column}\n\t\t{line}\n")


def _annotated(path: str, column: str, annotation: str) -> Callable[[Parts], None]:
    """Adds an annotation to a column, before the one that is there."""

    def do(parts: Parts) -> None:
        before, header, after = parts[path].partition(f"\tcolumn {column}\n")
        assert header
        own, mark, rest = after.partition("\t\tannotation ")
        parts[path] = f"{before}{header}{own}\t\t{annotation}\n\n{mark}{rest}"

    return do


def _part(path: str, text: str) -> Callable[[Parts], None]:
    def do(parts: Parts) -> None:
        parts[path] = text

    return do


def _of_model(text: str) -> Callable[[Parts], None]:
    return _replace(MODEL, "\nref table", f"\n{text}\n\nref table")


def _all(*steps: Callable[[Parts], None]) -> Callable[[Parts], None]:
    def do(parts: Parts) -> None:
        for step in steps:
            step(parts)

    return do


def _tag(number: int) -> str:
    return f"lineageTag: 0d7f30b5-1111-4222-8333-{number:012}"


_FENCED = f"""	measure Complex = ```
			VAR x = [Plain]
			RETURN
			  IF ( x > 0, x, BLANK () )   -- why: because
			```
		{_tag(2)}
"""
_HIERARCHY = f"""	hierarchy Calendar
		{_tag(3)}

		level Year
			{_tag(4)}
			column: year

		level Day
			{_tag(5)}
			column: day
"""
_TABLE = f"""table Targets
	{_tag(6)}

	measure 'Target total' = SUM(Targets[goal])
		{_tag(7)}

	column customer_key
		dataType: int64
		summarizeBy: none
		sourceColumn: customer_key
		{_tag(8)}

	column goal
		dataType: double
		summarizeBy: sum
		sourceColumn: goal
		{_tag(9)}

	partition Targets = entity
		mode: directLake
		source
			entityName: targets
			schemaName: planning
			expressionSource: DirectLake
"""
_CULTURE = """cultureInfo de-DE

	translations
		model Model
			table dim_customer
				caption: Kunden
"""
_PERSPECTIVE = """perspective Sales

	perspectiveTable dim_customer
		includeAll
"""
_ROLE = """role Europe
	modelPermission: read

	tablePermission dim_customer = [name] <> "x"
"""
_THEIR_RELATIONSHIP = """relationship 0d7f30b5-1111-4222-8333-00000000000a
	fromColumn: Targets.customer_key
	toColumn: dim_customer.customer_key

"""

THIRTY: tuple[Edit, ...] = (
    Edit("a measure", _before_partition(FACT, f"\tmeasure Plain = SUM(fact_sales[amount])\n\t\t{_tag(1)}\n"),
         "measure Plain = SUM(fact_sales[amount])"),
    Edit("a measure between fences", _before_partition(FACT, _FENCED), "IF ( x > 0, x, BLANK () )   -- why: because"),
    Edit("a measure with a format and a folder",
         _before_partition(DATE, f"\tmeasure Days = COUNTROWS(dim_date)\n\t\tformatString: #,0 \"d\"\n"
                                 f"\t\tdisplayFolder: Mine\\Time\n\t\t{_tag(11)}\n"), 'formatString: #,0 "d"'),
    Edit("a measure with a described purpose",
         _before_partition(DATE, f"\t/// counts by hand\n\tmeasure Hand = 1\n\t\t{_tag(12)}\n"), "/// counts by hand"),
    Edit("a hidden measure", _before_partition(DATE, f"\tmeasure Secret = 2\n\t\tisHidden\n\t\t{_tag(13)}\n"),
         "measure Secret = 2\n\t\tisHidden"),
    Edit("a hierarchy", _before_partition(DATE, _HIERARCHY), "level Year"),
    Edit("a table renamed", _all(
        _replace(CUSTOMER, "table dim_customer\n", "table Customers\n"),
        _replace(MODEL, "ref table dim_customer", "ref table Customers"),
        _replace(RELATIONSHIPS, "toColumn: dim_customer.", "toColumn: Customers."),
    ), "table Customers\n"),
    Edit("a column renamed", _replace(FACT, "\tcolumn unit_price\n", "\tcolumn 'Price each'\n"), "column 'Price each'"),
    Edit("a table's description", _replace(DATE, "table dim_date\n", "/// every day there is\ntable dim_date\n"),
         "/// every day there is"),
    Edit("a column's description", _replace(FACT, "/// Net, in euro\n", "/// without tax\n"), "/// without tax"),
    Edit("a column hidden", _of_column(DATE, "year", "isHidden"), "column year\n\t\tisHidden"),
    Edit("a key shown", _replace(FACT, "\tcolumn ship_date_key\n\t\tdataType: int64\n\t\tisHidden\n",
                                 "\tcolumn ship_date_key\n\t\tdataType: int64\n"),
         "column ship_date_key\n\t\tdataType: int64\n\t\tformat"),
    Edit("a column's format", _replace(DATE, "formatString: Short Date", "formatString: dddd"), "formatString: dddd"),
    Edit("how a column is summed", _replace(FACT, "\tcolumn amount\n\t\tdataType: decimal",
                                            "\tcolumn amount\n\t\tdisplayFolder: Money\n\t\tdataType: decimal"),
         "displayFolder: Money"),
    Edit("what a column is summed by", _replace(FACT, "summarizeBy: sum", "summarizeBy: max"), "summarizeBy: max"),
    Edit("a column sorted by another", _of_column(DATE, "day", "sortByColumn: date_key"), "sortByColumn: date_key"),
    Edit("a column's data category", _of_column(CUSTOMER, "name", "dataCategory: City"), "dataCategory: City"),
    Edit("a column's alignment", _of_column(CUSTOMER, "name", "alignment: right"), "alignment: right"),
    Edit("a default label", _of_column(CUSTOMER, "name", "isDefaultLabel"), "isDefaultLabel"),
    Edit("an annotation on a column", _annotated(FACT, "sale_id", 'annotation Team = ["Finance"]'),
         'annotation Team = ["Finance"]'),
    Edit("an annotation on a table",
         _before_partition(FACT, '\tannotation TabularEditor_TableGroup = "Facts"\n'), "TabularEditor_TableGroup"),
    Edit("an annotation on the model", _of_model('annotation PBI_ProTooling = ["DevMode"]'), "PBI_ProTooling"),
    Edit("a query group of the model", _of_model("queryGroup Sources\n\n\tannotation PBI_QueryGroupOrder = 0"),
         "queryGroup Sources"),
    Edit("no implicit measures", _replace(MODEL, "model Model\n", "model Model\n\tdiscourageImplicitMeasures\n"),
         "discourageImplicitMeasures"),
    Edit("a table of theirs with a relationship", _all(
        _part("definition/tables/Targets.tmdl", _TABLE),
        _replace(MODEL, "ref table", "ref table Targets\nref table"),
        lambda parts: parts.update({
            RELATIONSHIPS: parts[RELATIONSHIPS] + "\n" + _THEIR_RELATIONSHIP.replace(
                "dim_customer.", "Customers." if "table Customers\n" in parts[CUSTOMER] else "dim_customer."),
        }),
    ), "measure 'Target total' = SUM(Targets[goal])"),
    Edit("a relationship that filters both ways",
         _replace(RELATIONSHIPS, "\tfromColumn: fact_sales.customer_key",
                  "\tcrossFilteringBehavior: bothDirections\n\tfromColumn: fact_sales.customer_key"),
         "crossFilteringBehavior: bothDirections"),
    Edit("a relationship deactivated",
         _replace(RELATIONSHIPS, "\tfromColumn: fact_sales.date_key",
                  "\tisActive: false\n\tfromColumn: fact_sales.date_key"),
         "isActive: false\n\tfromColumn: fact_sales.date_key"),
    Edit("a role with a filter", lambda parts: parts.update({
        "definition/roles/Europe.tmdl": _named(parts, _ROLE)}), 'dim_customer = [name] <> "x"'),
    Edit("a perspective", lambda parts: parts.update({
        "definition/perspectives/Sales.tmdl": _named(parts, _PERSPECTIVE)}), "perspective Sales"),
    Edit("a translation", lambda parts: parts.update({
        "definition/cultures/de-DE.tmdl": _named(parts, _CULTURE)}), "caption: Kunden"),
)  # fmt: skip


_CALCULATION_GROUP = f"""table Turn
	{_tag(30)}

	calculationGroup
		precedence: 1

		calculationItem YTD = CALCULATE(SELECTEDMEASURE(), DATESYTD(dim_date[day]))

		calculationItem 'As is' = SELECTEDMEASURE()

	column Turning
		dataType: string
		summarizeBy: none
		sourceColumn: Name
		sortByColumn: Ordinal
		{_tag(31)}

	column Ordinal
		dataType: int64
		isHidden
		summarizeBy: none
		sourceColumn: Ordinal
		{_tag(32)}

	partition Turn = calculationGroup
		mode: import
"""
_CALCULATED_TABLE = f"""table Fields
	{_tag(33)}

	column Fields
		summarizeBy: none
		sourceColumn: [Value1]
		sortByColumn: Order
		{_tag(34)}

		extendedProperty ParameterMetadata =
				{{
				  "version": 3,
				  "kind": 2
				}}

	column Order
		isHidden
		summarizeBy: none
		sourceColumn: [Value2]
		{_tag(35)}

	column Twice = 2 * Fields[Order]
		{_tag(36)}

	partition Fields = calculated
		mode: import
		source =
				{{
				    ("Amount", 0),
				    ("Rows", 1)
				}}
"""
_PARAMETER = f"""
expression Limit = 10 meta [IsParameterQuery=true, Type="Number", IsParameterQueryRequired=true]
	{_tag(37)}

	annotation PBI_ResultType = Number
"""
_KPI = f"""	measure Target = 5
		{_tag(38)}

		kpi
			targetExpression = 100
			statusGraphic: Three Circles Colored
			statusExpression = IF([Target] > 1, 1, 0)
"""
_DYNAMIC = f"""	measure Shown = 6
		{_tag(39)}

		formatStringDefinition = IF([Shown] > 1, "0.0", "0")

		detailRowsDefinition = SELECTCOLUMNS(dim_date, "Day", dim_date[day])
"""
_HIDING_ROLE = """role Outsiders
	modelPermission: read

	tablePermission dim_customer
		metadataPermission: none
"""
_LINGUISTICS = """cultureInfo fr-FR

	linguisticMetadata =
			{
			  "Version": "1.0.0",
			  "Language": "fr-FR"
			}
		contentType: json
"""
EXPRESSIONS = "definition/expressions.tmdl"


def _their_table(name: str, text: str) -> Callable[[Parts], None]:
    return _all(
        _part(f"definition/tables/{name}.tmdl", text), _replace(MODEL, "ref table", f"ref table {name}\nref table")
    )


MORE: tuple[Edit, ...] = (
    Edit("a calculation group", _their_table("Turn", _CALCULATION_GROUP), "calculationItem YTD"),
    Edit("a calculated table with a calculated column", _their_table("Fields", _CALCULATED_TABLE),
         "column Twice = 2 * Fields[Order]"),
    Edit("a parameter", lambda parts: parts.update({EXPRESSIONS: parts[EXPRESSIONS] + _PARAMETER}),
         "expression Limit = 10 meta"),
    Edit("a key performance indicator", _before_partition(DATE, _KPI), "targetExpression = 100"),
    Edit("a dynamic format and detail rows", _before_partition(DATE, _DYNAMIC), "formatStringDefinition"),
    Edit("a role that hides a table", lambda parts: parts.update({
        "definition/roles/Outsiders.tmdl": _named(parts, _HIDING_ROLE)}), "metadataPermission: none"),
    Edit("words for questions", _part("definition/cultures/fr-FR.tmdl", _LINGUISTICS), '"Language": "fr-FR"'),
    Edit("a column that MDX doesn't see", _of_column(FACT, "date_key", "isAvailableInMdx: false"),
         "isAvailableInMdx: false"),
    Edit("a table hidden", _replace(DATE, "table dim_date\n", "table dim_date\n\tisHidden\n"),
         "table dim_date\n\tisHidden"),
    Edit("a table's data category", _replace(CUSTOMER, "\tlineageTag", "\tdataCategory: Customers\n\tlineageTag"),
         "dataCategory: Customers"),
    Edit("no falling back", _replace(MODEL, "model Model\n", "model Model\n\tdirectLakeBehavior: directLakeOnly\n"),
         "directLakeBehavior: directLakeOnly"),
    Edit("another culture of the model", _replace(MODEL, "culture: en-US", "culture: de-DE"), "culture: de-DE"),
    Edit("a security filter both ways",
         _replace(RELATIONSHIPS, "\tfromColumn: fact_sales.ship_date_key",
                  "\tsecurityFilteringBehavior: bothDirections\n\tfromColumn: fact_sales.ship_date_key"),
         "securityFilteringBehavior: bothDirections"),
    Edit("a changed property noted", _annotated(CUSTOMER, "customer_key", "changedProperty = DisplayFolder"),
         "changedProperty = DisplayFolder"),
)  # fmt: skip
"""More of them: what Power BI and Tabular Editor make besides."""


def _named(parts: Mapping[str, str], text: str) -> str:
    """With the table of customers as it is called by now."""
    return text.replace("dim_customer", "Customers") if "table Customers\n" in parts[CUSTOMER] else text


def lost(edits: tuple[Edit, ...], parts: Mapping[str, str]) -> list[str]:
    """The edits of which nothing is left."""
    whole = "\n".join(parts.values()).replace("Customers = [name]", "dim_customer = [name]")
    return [edit.what for edit in edits if edit.trace not in whole]
