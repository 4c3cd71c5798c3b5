"""The three catalogs: ``sales``, ``hr`` and ``logistics``, and the small schemas that show what isn't mirrored."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from cloud_emulator.seeds.contoso.identities import (
    FINANCE,
    HR_PARTNERS,
    HR_READER,
    LOCAL_TESTERS,
    RUNNER,
    SALES_ANALYSTS,
    SALES_READER,
    grantee,
)
from cloud_emulator.seeds.contoso.sales_finance import FINANCE_SCHEMA
from cloud_emulator.seeds.contoso.sales_marketing import INVENTORY, MARKETING
from cloud_emulator.seeds.contoso.sales_orders import ORDERS
from cloud_emulator.seeds.contoso.tables import (
    MIRROR,
    READ,
    Column,
    Place,
    SampleCatalog,
    SampleSchema,
    StoredTable,
    references,
)
from cloud_emulator.seeds.contoso.unmirrored import FOREIGN_TABLE, SHARED_TABLE
from cloud_emulator.seeds.contoso.values import cycle, day, money, numbered, pick, serial, sometimes, whole

SALES_HOST = "adb-1234567890123456.7.azuredatabricks.net"
HR_HOST = "adb-2234567890123456.16.azuredatabricks.net"
_AUDITS = ("USE_CATALOG", "USE_SCHEMA", "MANAGE")
"""What the runner needs on a catalog to list all of it and to see whom what is granted. MANAGE reads no data, and
doesn't let it grant EXTERNAL USE SCHEMA, which is for the catalog's owner."""

PRICING_RULES = StoredTable(
    "pricing_rules",
    "Rules for list prices.",
    100,
    (Column("rule_id", "int", serial(), required=True), Column("markup", "decimal(6,3)", money(1, 3, scale=3))),
    primary_key=("rule_id",),
    grants={grantee(SALES_READER): ("SELECT",)},
)
MARGINS = StoredTable(
    "margins",
    "Margins by product. Not for everybody.",
    100,
    (Column("product_key", "int", serial(), required=True), Column("margin", "decimal(6,3)", money(0, 1, scale=3))),
)
RESTRICTED = SampleSchema(
    "restricted",
    "Granted table by table.",
    (PRICING_RULES, MARGINS),
    grants={grantee(SALES_READER): ("USE_SCHEMA", "EXTERNAL_USE_SCHEMA")},
)
STAGING = SampleSchema(
    "staging",
    "Raw loads. May be read in Databricks, not from outside.",
    (
        StoredTable(
            "raw_orders",
            "Orders as they came in.",
            500,
            (
                Column("line", "string", numbered("order line {}")),
                Column("loaded_on", "date", day(date(2025, 6, 1), 60)),
            ),
        ),
        StoredTable(
            "raw_customers", "Customers as they came in.", 200, (Column("line", "string", numbered("customer {}")),)
        ),
    ),
    grants={grantee(SALES_READER): READ},
)
PARTNERS = SampleSchema(
    "partners",
    "What partners let us see.",
    others=(FOREIGN_TABLE, SHARED_TABLE),
    grants={grantee(SALES_READER): MIRROR},
)
ARCHIVE = SampleSchema("archive", "Nothing was archived yet.", grants={grantee(SALES_READER): MIRROR})

SALES = SampleCatalog(
    "sales",
    "Everything about sales.",
    Place("contosolake", "lake", "sales"),
    (ORDERS, FINANCE_SCHEMA, MARKETING, INVENTORY, RESTRICTED, STAGING, PARTNERS, ARCHIVE),
    bound_hosts=(SALES_HOST,),
    grants={
        grantee(RUNNER): _AUDITS,
        grantee(SALES_READER): ("USE_CATALOG",),
        grantee(SALES_ANALYSTS): ("USE_CATALOG",),
        grantee(FINANCE): ("USE_CATALOG",),
        grantee(LOCAL_TESTERS): ("USE_CATALOG",),
    },
)

DEPARTMENTS = StoredTable(
    "departments",
    "Departments.",
    6,
    (
        Column("department_id", "int", serial(), required=True),
        Column("department_name", "string", cycle("Finance", "IT", "Logistics", "People", "Purchasing", "Shops")),
    ),
    primary_key=("department_id",),
)
EMPLOYEES = StoredTable(
    "employees",
    "Employees.",
    800,
    (
        Column("employee_id", "int", serial(), required=True),
        Column("department_id", "int", whole(1, 6)),
        Column("full_name", "string", numbered("Employee {}")),
        Column("hired_on", "date", day(date(2008, 1, 1), 6_000)),
        Column("weekly_hours", "decimal(4,2)", pick(Decimal(20), Decimal(30), Decimal("38.5"))),
        Column("left_on", "date", sometimes(day(date(2024, 6, 1), 500), 0.1)),
    ),
    primary_key=("employee_id",),
    foreign_keys=(references("department_id", "people.departments"),),
)
ABSENCES = StoredTable(
    "absences",
    "Holidays and sick leave.",
    2_500,
    (
        Column("absence_id", "bigint", serial(), required=True),
        Column("employee_id", "int", whole(1, 800)),
        Column("kind", "string", pick("holiday", "illness", "training")),
        Column("first_day", "date", day(date(2024, 1, 1), 700)),
        Column("days", "smallint", whole(1, 15)),
    ),
    primary_key=("absence_id",),
    foreign_keys=(references("employee_id", "people.employees"),),
    commits=2,
)
APPLICATIONS = StoredTable(
    "applications",
    "Applications for a job.",
    300,
    (
        Column("application_id", "int", serial(), required=True),
        Column("received_on", "date", day(date(2025, 1, 1), 300)),
        Column("state", "string", pick("new", "interview", "rejected", "hired")),
    ),
    primary_key=("application_id",),
)
HR = SampleCatalog(
    "hr",
    "People at Contoso.",
    Place("contosohr", "people", "hr"),
    (
        SampleSchema(
            "people",
            "Staff.",
            (DEPARTMENTS, EMPLOYEES, ABSENCES),
            grants={grantee(HR_READER): MIRROR, grantee(HR_PARTNERS): READ},
        ),
        SampleSchema("recruiting", "Candidates.", (APPLICATIONS,), grants={grantee(HR_READER): MIRROR}),
    ),
    managed=True,
    bound_hosts=(HR_HOST,),
    grants={grantee(RUNNER): _AUDITS, grantee(HR_READER): ("USE_CATALOG",), grantee(HR_PARTNERS): ("USE_CATALOG",)},
)

CARRIERS = StoredTable(
    "carriers",
    "Carriers.",
    10,
    (Column("carrier_id", "int", serial(), required=True), Column("carrier_name", "string", numbered("Carrier {}"))),
    primary_key=("carrier_id",),
)
SHIPMENTS = StoredTable(
    "shipments",
    "Parcels on their way.",
    2_000,
    (
        Column("shipment_id", "bigint", serial(), required=True),
        Column("carrier_id", "int", whole(1, 10)),
        Column("handed_over_on", "date", day(date(2025, 1, 1), 365)),
        Column("freight", "decimal(10,2)", money(3, 400)),
    ),
    primary_key=("shipment_id",),
    foreign_keys=(references("carrier_id", "shipping.carriers"),),
)
LOGISTICS = SampleCatalog(
    "logistics",
    "Shipping. Nobody has brought it into Fabric yet.",
    Place("contosolake", "lake", "logistics"),
    (SampleSchema("shipping", "Parcels.", (CARRIERS, SHIPMENTS), grants={grantee(SALES_READER): MIRROR}),),
    grants={grantee(RUNNER): _AUDITS, grantee(SALES_READER): ("USE_CATALOG",)},
)

CATALOGS = (SALES, HR, LOGISTICS)
