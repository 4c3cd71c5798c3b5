"""The schemas ``sales.marketing`` and ``sales.inventory``."""

from __future__ import annotations

from datetime import date
from random import Random

from cloud_emulator.seeds.contoso.identities import ANALYST, SALES_ANALYSTS, SALES_READER, grantee
from cloud_emulator.seeds.contoso.sales_orders import PRODUCTS
from cloud_emulator.seeds.contoso.tables import MIRROR, READ, Column, Place, SampleSchema, StoredTable, references
from cloud_emulator.seeds.contoso.values import (
    cycle,
    day,
    each,
    moment,
    money,
    numbered,
    pick,
    real,
    serial,
    sometimes,
    whole,
)

_CAMPAIGNS = 60
_WAREHOUSES = 8
_SUPPLIERS = 80


def _stock_warehouse(random: Random, index: int) -> int:
    del random
    return index // PRODUCTS + 1


def _stock_product(random: Random, index: int) -> int:
    del random
    return index % PRODUCTS + 1


CAMPAIGNS = StoredTable(
    "campaigns",
    "Marketing campaigns.",
    _CAMPAIGNS,
    (
        Column("campaign_id", "int", serial(), required=True),
        Column("campaign_name", "string", numbered("Campaign {}")),
        Column("channel", "string", pick("mail", "search", "social", "print")),
        Column("budget", "decimal(12,2)", money(500, 80_000)),
        Column("starts_on", "date", day(date(2023, 1, 1), 1_000)),
    ),
    primary_key=("campaign_id",),
)
EMAIL_EVENTS = StoredTable(
    "email_events",
    "What became of each mail: appended to every night.",
    1_500,
    (
        Column("event_id", "bigint", serial(), required=True),
        Column("campaign_id", "int", whole(1, _CAMPAIGNS)),
        Column("kind", "string", pick("sent", "opened", "clicked", "bounced", weights=(6, 3, 1, 1))),
        Column("occurred_at", "timestamp", moment(date(2025, 1, 1), 365)),
    ),
    primary_key=("event_id",),
    foreign_keys=(references("campaign_id", "marketing.campaigns"),),
    commits=3,
)
WEB_SESSIONS = StoredTable(
    "web_sessions",
    "Visits to the web shop.",
    2_000,
    (
        Column("session_id", "string", numbered("S{:08}"), required=True),
        Column("started_at", "timestamp", moment(date(2025, 1, 1), 365)),
        Column(
            "device", "struct<kind:string,width:int>", each(lambda _, index: {"kind": "phone", "width": 360 + index})
        ),
        Column("scores", "map<string,double>", each(lambda random, _: [("engagement", round(random.random(), 3))])),
        Column("bounce_rate", "float", real(0.0, 1.0)),
    ),
    primary_key=("session_id",),
)
SEGMENTS = StoredTable(
    "segments",
    "Target groups.",
    20,
    (
        Column("segment_id", "int", serial(), required=True),
        Column("interests", "array<string>", each(lambda random, _: random.sample(("hiking", "skiing", "camping"), 2))),
    ),
    primary_key=("segment_id",),
)
LEADS = StoredTable(
    "leads",
    "Prospects; addresses are masked.",
    300,
    (
        Column("lead_id", "int", serial(), required=True),
        Column(
            "email", "string", numbered("lead{}@example.com"), mask={"function_name": "sales.marketing.mask_address"}
        ),
        Column("score", "double", real(0.0, 100.0)),
    ),
)

MARKETING = SampleSchema(
    "marketing",
    "Campaigns and what came of them.",
    (CAMPAIGNS, EMAIL_EVENTS, WEB_SESSIONS, SEGMENTS, LEADS),
    grants={grantee(SALES_READER): MIRROR, grantee(SALES_ANALYSTS): READ, grantee(ANALYST): READ},
)

WAREHOUSES = StoredTable(
    "warehouses",
    "Warehouses.",
    _WAREHOUSES,
    (
        Column("warehouse_id", "int", serial(), required=True),
        Column("city", "string", cycle("Aarhus", "Graz", "Lyon", "Malmö", "Poznań", "Turin", "Ulm", "Utrecht")),
    ),
    primary_key=("warehouse_id",),
)
SUPPLIERS = StoredTable(
    "suppliers",
    "Suppliers.",
    _SUPPLIERS,
    (
        Column("supplier_id", "int", serial(), required=True),
        Column("supplier_name", "string", numbered("Supplier {}")),
        Column("rating", "tinyint", sometimes(whole(1, 5), 0.9)),
    ),
    primary_key=("supplier_id",),
)
STOCK_LEVELS = StoredTable(
    "stock_levels",
    "Pieces in stock, by warehouse and product; partitioned by warehouse.",
    _WAREHOUSES * PRODUCTS,
    (
        Column("warehouse_id", "int", each(_stock_warehouse), required=True),
        Column("product_key", "int", each(_stock_product), required=True),
        Column("pieces", "int", whole(0, 400)),
        Column("counted_at", "timestamp", moment(date(2025, 11, 1), 30)),
    ),
    primary_key=("warehouse_id", "product_key"),
    foreign_keys=(
        references("warehouse_id", "inventory.warehouses"),
        references("product_key", "orders.dim_product"),
    ),
    partition_by=("warehouse_id",),
)
STOCK_MOVEMENTS = StoredTable(
    "stock_movements",
    "Goods in and out.",
    4_000,
    (
        Column("movement_id", "bigint", serial(), required=True),
        Column("warehouse_id", "int", whole(1, _WAREHOUSES)),
        Column("supplier_id", "int", sometimes(whole(1, _SUPPLIERS), 0.5)),
        Column("pieces", "int", whole(-60, 200)),
        Column("moved_at", "timestamp", moment(date(2025, 1, 1), 365)),
    ),
    primary_key=("movement_id",),
    foreign_keys=(
        references("warehouse_id", "inventory.warehouses"),
        references("supplier_id", "inventory.suppliers"),
    ),
)
LEGACY_STOCK = StoredTable(
    "legacy_stock",
    "Stock of the old system, left where that system kept it.",
    200,
    (Column("product_code", "string", numbered("P-{:04}")), Column("pieces", "int", whole(0, 90))),
    elsewhere=Place("contosoother", "legacy", "stock/legacy_stock"),
)
SUPPLIER_FEED = StoredTable(
    "supplier_feed",
    "Files that suppliers send, as they are.",
    100,
    (Column("supplier_id", "int", whole(1, _SUPPLIERS)), Column("payload", "string", numbered("line {}"))),
    data_source_format="PARQUET",
)

INVENTORY = SampleSchema(
    "inventory",
    "Stock and where it comes from.",
    (WAREHOUSES, SUPPLIERS, STOCK_LEVELS, STOCK_MOVEMENTS, LEGACY_STOCK, SUPPLIER_FEED),
    grants={grantee(SALES_READER): MIRROR, grantee(SALES_ANALYSTS): READ},
)
