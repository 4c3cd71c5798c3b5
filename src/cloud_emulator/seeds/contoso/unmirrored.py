"""What the catalog ``sales`` holds without Delta files of its own: views of each kind, foreign and shared tables."""

from __future__ import annotations

from cloud_emulator.unity_catalog.seed_model import ColumnSeed, TableSeed

_DAILY = (ColumnSeed(name="date_key", type="int"), ColumnSeed(name="net_amount", type="decimal(22,2)"))

VIEW = TableSeed(
    name="recent_sales",
    table_type="VIEW",
    data_source_format=None,
    comment="Sales of the last year.",
    columns=(ColumnSeed(name="sale_key", type="bigint"), ColumnSeed(name="net_amount", type="decimal(12,2)")),
    view_definition="SELECT sale_key, net_amount FROM sales.orders.fact_sales WHERE order_date_key >= 20250101",
    view_dependencies={"dependencies": [{"table": {"table_full_name": "sales.orders.fact_sales"}}]},
)
MATERIALIZED_VIEW = TableSeed(
    name="daily_revenue",
    table_type="MATERIALIZED_VIEW",
    comment="Revenue by day, refreshed each night.",
    columns=_DAILY,
    pipeline_id="66660000-0000-4000-8000-000000000001",
    view_definition="SELECT order_date_key, sum(net_amount) FROM sales.orders.fact_sales GROUP BY order_date_key",
    view_dependencies={"dependencies": [{"table": {"table_full_name": "sales.orders.fact_sales"}}]},
)
STREAMING_TABLE = TableSeed(
    name="order_events",
    table_type="STREAMING_TABLE",
    comment="Events of the web shop as they arrive.",
    columns=(ColumnSeed(name="event_id", type="string"), ColumnSeed(name="occurred_at", type="timestamp")),
    pipeline_id="66660000-0000-4000-8000-000000000002",
)
FOREIGN_TABLE = TableSeed(
    name="crm_accounts",
    table_type="FOREIGN",
    data_source_format="POSTGRESQL_FORMAT",
    comment="Accounts in the partners' customer database.",
    columns=(ColumnSeed(name="account_id", type="bigint"), ColumnSeed(name="account_name", type="string")),
)
SHARED_TABLE = TableSeed(
    name="market_prices",
    table_type="MANAGED",
    data_source_format="DELTASHARING",
    comment="Prices that a market researcher shares with us.",
    columns=(ColumnSeed(name="article", type="string"), ColumnSeed(name="price", type="decimal(10,2)")),
)
