"""What people do to a model of ours by hand, as Power BI would write it."""
# ruff: noqa: E101 - people indent their DAX as they like

from collections.abc import Mapping

FACT = "definition/tables/fact_sales.tmdl"
DATE = "definition/tables/dim_date.tmdl"
MODEL = "definition/model.tmdl"

_MEASURES = """
	/// The total
	measure Total = ```
			VAR x = 1
			RETURN
			  SUM ( Sales[amount] ) * x   -- a comment, with = and : in it
			```
		formatString: #,0.0 "EUR"
		displayFolder: Ours\\Money
		lineageTag: 0d7f30b5-1111-4222-8333-000000000001

	measure 'Average price' = AVERAGE(Sales[unit_price])
		lineageTag: 0d7f30b5-1111-4222-8333-000000000002
"""
_HIERARCHY = """
	hierarchy Calendar
		lineageTag: 0d7f30b5-1111-4222-8333-000000000003

		level Year
			lineageTag: 0d7f30b5-1111-4222-8333-000000000004
			column: year

		level Day
			lineageTag: 0d7f30b5-1111-4222-8333-000000000005
			column: day
"""
_BUDGET = """table Budget
	lineageTag: 0d7f30b5-1111-4222-8333-000000000006

	column year
		dataType: int64
		summarizeBy: none
		sourceColumn: year
		lineageTag: 0d7f30b5-1111-4222-8333-000000000007

	partition Budget = entity
		mode: directLake
		source
			entityName: budget
			schemaName: planning
			expressionSource: DirectLake
"""
_ROLE = """role Readers
	modelPermission: read

	tablePermission dim_date = [year] > 2000
"""
PEOPLES_EDITS = (
    "measure Total",
    'formatString: #,0.0 "EUR"',
    "SUM ( Sales[amount] ) * x   -- a comment, with = and : in it",
    "displayFolder: Ours\\Money",
    "measure 'Average price' = AVERAGE(Sales[unit_price])",
    "hierarchy Calendar",
    "level Year",
    "table Budget",
    "table Sales",
    "role Readers",
    "tablePermission dim_date = [year] > 2000",
    "formatString: dddd",
    "sortByColumn: date_key",
    "column 'Net amount'",
    "/// How much",
    'annotation PBI_ProTooling = ["DevMode"]',
)
"""Words that only people wrote; each has to be there after a merge."""


def edited_by_people(parts: Mapping[str, str]) -> dict[str, str]:
    """The definition of the star schema after people worked on it."""
    fact = (
        parts[FACT]
        .replace("table fact_sales\n", "table Sales\n")
        .replace("\n\tpartition", f"{_MEASURES}\n\tpartition", 1)
    )
    fact = fact.replace("/// Net, in euro\n\tcolumn amount", "/// How much\n\tcolumn 'Net amount'").replace(
        "SUM ( Sales[amount]", "SUM ( Sales[amount]"
    )
    date = parts[DATE].replace("formatString: Short Date", "formatString: dddd\n\t\tsortByColumn: date_key")
    date = date.replace("\n\tpartition", f"{_HIERARCHY}\n\tpartition", 1)
    model = parts[MODEL].replace("\nref table", '\nannotation PBI_ProTooling = ["DevMode"]\n\nref table', 1)
    relationships = parts.get("definition/relationships.tmdl", "").replace("fact_sales.", "Sales.")
    return {
        **parts,
        FACT: fact,
        DATE: date,
        MODEL: model.replace("ref table fact_sales", "ref table Sales\nref table Budget"),
        "definition/relationships.tmdl": relationships,
        "definition/tables/Budget.tmdl": _BUDGET,
        "definition/roles/Readers.tmdl": _ROLE,
        ".platform": "{}",
    }
