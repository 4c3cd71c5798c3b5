"""The schema ``sales.orders``: a star round ``fact_sales``, and tables with the types that are hard to carry over."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from cloud_emulator.seeds.contoso.identities import SALES_ANALYSTS, SALES_READER, grantee
from cloud_emulator.seeds.contoso.tables import MIRROR, READ, Column, SampleSchema, StoredTable, references
from cloud_emulator.seeds.contoso.unmirrored import MATERIALIZED_VIEW, STREAMING_TABLE, VIEW
from cloud_emulator.seeds.contoso.values import (
    CALENDAR_DAYS,
    CALENDAR_START,
    calendar_key,
    cycle,
    date_key,
    day,
    derive,
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

SALES = 100_000
CUSTOMERS = 5_000
PRODUCTS = 500
_CATEGORIES = (
    "Backpacks", "Bicycles", "Boots", "Climbing", "Cookware", "Helmets", "Jackets", "Lamps", "Sleeping bags", "Skis",
    "Tents", "Watches",
)  # fmt: skip
_STORES = 60
_PROMOTIONS = 40
_COUNTRIES = ("Austria", "Denmark", "France", "Germany", "Italy", "Netherlands", "Poland", "Spain", "Sweden")


def _calendar_day(random: Random, index: int) -> date:
    del random
    return CALENDAR_START + timedelta(days=index)


def _calendar_key(random: Random, index: int) -> int:
    return date_key(_calendar_day(random, index))


def _line_items(random: Random, index: int) -> list[dict[str, Any]]:
    return [
        {"sku": f"P-{random.randint(1, PRODUCTS):04}", "quantity": number, "price": Decimal(index + number).scaleb(-2)}
        for number in range(1, random.randint(2, 4))
    ]


def _address(random: Random, index: int) -> dict[str, str]:
    return {"street": f"{index % 90 + 1} Lake Road", "city": "Malmö", "postal_code": f"{random.randint(10000, 99999)}"}


DIM_DATE = StoredTable(
    "dim_date",
    "Calendar, one row for each day.",
    CALENDAR_DAYS,
    (
        Column("date_key", "int", each(_calendar_key), "Day as yyyymmdd.", required=True),
        Column("calendar_date", "date", each(_calendar_day), "The day itself.", required=True),
        Column("calendar_year", "smallint", derive(lambda at: at.year, "calendar_date")),
        Column("quarter", "tinyint", derive(lambda at: (at.month + 2) // 3, "calendar_date")),
        Column("month_number", "tinyint", derive(lambda at: at.month, "calendar_date")),
        Column("month_name", "string", derive(lambda at: at.strftime("%B"), "calendar_date")),
        Column("weekday", "string", derive(lambda at: at.strftime("%A"), "calendar_date")),
        Column("is_weekend", "boolean", derive(lambda at: at.weekday() > 4, "calendar_date")),
    ),
    primary_key=("date_key",),
)
DIM_PRODUCT_CATEGORY = StoredTable(
    "dim_product_category",
    "Product categories.",
    len(_CATEGORIES),
    (
        Column("category_key", "int", serial(), required=True),
        Column("category_name", "string", cycle(*_CATEGORIES), "Name shown in the shop."),
    ),
    primary_key=("category_key",),
)
DIM_PRODUCT = StoredTable(
    "dim_product",
    "Products, current and discontinued.",
    PRODUCTS,
    (
        Column("product_key", "int", serial(), "Surrogate key.", required=True),
        Column("product_code", "string", numbered("P-{:04}"), "Number on the label."),
        Column("product_name", "string", numbered("Contoso article {}")),
        Column("category_key", "int", whole(1, len(_CATEGORIES)), "Category of the product."),
        Column("list_price", "decimal(10,2)", money(5, 900), "Recommended price in euros."),
        Column("weight_kg", "double", real(0.05, 30.0)),
        Column("is_active", "boolean", pick(True, False, weights=(9, 1))),
        Column("introduced_on", "date", day(date(2019, 1, 1), 2_000)),
    ),
    primary_key=("product_key",),
    foreign_keys=(references("category_key", "orders.dim_product_category"),),
)
DIM_CUSTOMER = StoredTable(
    "dim_customer",
    "Customers with an account. Größe und Umlaute inbegriffen.",
    CUSTOMERS,
    (
        Column("customer_key", "bigint", serial(), "Surrogate key.", required=True),
        Column("customer_number", "string", numbered("C-{:06}"), "Number on invoices."),
        Column("display_name", "string", numbered("Customer {}")),
        Column("segment", "string", pick("Private", "Business", "Public sector", weights=(7, 2, 1))),
        Column("country", "string", pick(*_COUNTRIES), "Country of residence."),
        Column("birth_year", "smallint", sometimes(whole(1945, 2006), 0.8)),
        Column("loyalty_points", "int", whole(0, 12_000)),
        Column("registered_at", "timestamp", moment(date(2018, 1, 1), 2_800), "When the account was opened."),
    ),
    primary_key=("customer_key",),
)
DIM_STORE = StoredTable(
    "dim_store",
    "Shops, the web shop included.",
    _STORES,
    (
        Column("store_key", "int", serial(), required=True),
        Column("store_name", "string", numbered("Contoso Outdoor {}")),
        Column("country", "string", cycle(*_COUNTRIES)),
        Column("opened_on", "date", day(date(2001, 1, 1), 8_000)),
        Column("floor_area_m2", "float", real(120.0, 3_500.0)),
        Column("manager", "string", sometimes(numbered("Manager {}"), 0.9)),
    ),
    primary_key=("store_key",),
)
DIM_PROMOTION = StoredTable(
    "dim_promotion",
    "Promotions that a sale can count towards.",
    _PROMOTIONS,
    (
        Column("promotion_key", "int", serial(), required=True),
        Column("promotion_name", "string", numbered("Promotion {}")),
        Column("discount_percent", "decimal(5,2)", money(1, 40)),
        Column("starts_on", "date", day(CALENDAR_START, CALENDAR_DAYS - 30)),
        Column("ends_on", "date", derive(lambda start: start + timedelta(days=30), "starts_on")),
    ),
    primary_key=("promotion_key",),
)
FACT_SALES = StoredTable(
    "fact_sales",
    "One row for each line of an order.",
    SALES,
    (
        Column("sale_key", "bigint", serial(), "Surrogate key.", required=True),
        Column("order_date_key", "int", calendar_key(), "Day of the order.", required=True),
        Column("ship_date_key", "int", sometimes(calendar_key(), 0.95), "Day of shipment; empty while it is open."),
        Column("customer_key", "bigint", whole(1, CUSTOMERS), required=True),
        Column("product_key", "int", whole(1, PRODUCTS), required=True),
        Column("store_key", "int", whole(1, _STORES), required=True),
        Column("promotion_key", "int", sometimes(whole(1, _PROMOTIONS), 0.25)),
        Column("quantity", "smallint", whole(1, 12), "Pieces."),
        Column("unit_price", "decimal(10,2)", money(5, 900), "Price of one piece in euros."),
        Column("net_amount", "decimal(12,2)", derive(lambda count, price: price * count, "quantity", "unit_price")),
    ),
    primary_key=("sale_key",),
    foreign_keys=(
        references("order_date_key", "orders.dim_date", "date_key"),
        references("ship_date_key", "orders.dim_date", "date_key"),
        references("customer_key", "orders.dim_customer"),
        references("product_key", "orders.dim_product"),
        references("store_key", "orders.dim_store"),
        references("promotion_key", "orders.dim_promotion"),
    ),
    commits=4,
)
FACT_RETURNS = StoredTable(
    "fact_returns",
    "Goods that came back.",
    4_000,
    (
        Column("return_key", "bigint", serial(), required=True),
        Column("sale_key", "bigint", whole(1, SALES), "The sale that was returned.", required=True),
        Column("return_date_key", "int", calendar_key(), required=True),
        Column("reason", "string", pick("Damaged", "Wrong size", "Not liked", "Late")),
        Column("refund_amount", "decimal(12,2)", money(1, 900)),
    ),
    primary_key=("return_key",),
    foreign_keys=(
        references("sale_key", "orders.fact_sales"),
        references("return_date_key", "orders.dim_date", "date_key"),
    ),
)
ORDER_DOCUMENTS = StoredTable(
    "order_documents",
    "Scanned delivery notes, as the document system delivers them.",
    200,
    (
        Column("document_id", "string", numbered("DOC-{:05}"), required=True),
        Column("sale_key", "bigint", whole(1, SALES)),
        Column("content", "binary", each(lambda random, index: random.randbytes(24 + index % 8)), "The scan."),
        Column("exact_total", "decimal(38,18)", money(1, 900, scale=18), "Before rounding."),
        Column("ship_to", "struct<street:string,city:string,postal_code:string>", each(_address)),
        Column("labels", "array<string>", each(lambda random, _: random.sample(("fragile", "gift", "express"), k=2))),
        Column("attributes", "map<string,string>", each(lambda _, index: [("scanner", f"S{index % 5}")])),
        Column("line_items", "array<struct<sku:string,quantity:int,price:decimal(10,2)>>", each(_line_items)),
    ),
    primary_key=("document_id",),
    foreign_keys=(references("sale_key", "orders.fact_sales"),),
)
DELIVERY_SLOTS = StoredTable(
    "delivery_slots",
    "Delivery windows in the shop's local time.",
    300,
    (
        Column("slot_id", "int", serial(), required=True),
        Column("store_key", "int", whole(1, _STORES)),
        Column("starts_at", "timestamp_ntz", moment(date(2025, 1, 1), 365, zone=False), "Local time, without zone."),
        Column("ends_at", "timestamp_ntz", derive(lambda start: start + timedelta(hours=2), "starts_at")),
        Column("capacity", "tinyint", whole(1, 40)),
    ),
    primary_key=("slot_id",),
    foreign_keys=(references("store_key", "orders.dim_store"),),
)

ORDERS = SampleSchema(
    "orders",
    "Orders and everything that they refer to.",
    (
        DIM_DATE, DIM_PRODUCT_CATEGORY, DIM_PRODUCT, DIM_CUSTOMER, DIM_STORE, DIM_PROMOTION, FACT_SALES, FACT_RETURNS,
        ORDER_DOCUMENTS, DELIVERY_SLOTS,
    ),
    others=(VIEW, MATERIALIZED_VIEW, STREAMING_TABLE),
    grants={grantee(SALES_READER): MIRROR, grantee(SALES_ANALYSTS): READ},
)  # fmt: skip
