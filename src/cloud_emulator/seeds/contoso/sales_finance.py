"""The schema ``sales.finance``."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from cloud_emulator.seeds.contoso.identities import FINANCE, LOCAL_TESTERS, SALES_ANALYSTS, SALES_READER, grantee
from cloud_emulator.seeds.contoso.sales_orders import CUSTOMERS
from cloud_emulator.seeds.contoso.tables import MIRROR, READ, Column, ForeignKey, SampleSchema, StoredTable, references
from cloud_emulator.seeds.contoso.values import (
    calendar_key,
    cycle,
    day,
    derive,
    each,
    money,
    numbered,
    pick,
    serial,
    sometimes,
    whole,
)

_ACCOUNTS = 120
_INVOICES = 3_000
_CURRENCIES = ("CHF", "DKK", "GBP", "NOK", "PLN", "SEK", "USD")


def _rate_date(random: Random, index: int) -> date:
    del random
    return date(2025, 1, 1) + timedelta(days=index // len(_CURRENCIES))


LEDGER_ENTRIES = StoredTable(
    "ledger_entries",
    "The general ledger, partitioned by fiscal year.",
    8_000,
    (
        Column("entry_id", "bigint", serial(), required=True),
        Column("account_id", "int", whole(1, _ACCOUNTS)),
        Column("posted_on", "date", day(date(2023, 1, 1), 1_096)),
        Column("debit", "decimal(18,2)", sometimes(money(0, 50_000), 0.5)),
        Column("credit", "decimal(18,2)", sometimes(money(0, 50_000), 0.5)),
        Column("fiscal_year", "int", derive(lambda at: at.year + (at.month > 6), "posted_on"), "Starts in July."),
    ),
    primary_key=("entry_id",),
    foreign_keys=(references("account_id", "finance.accounts"),),
    partition_by=("fiscal_year",),
)
ACCOUNTS = StoredTable(
    "accounts",
    "Chart of accounts.",
    _ACCOUNTS,
    (
        Column("account_id", "int", serial(), required=True),
        Column("account_code", "string", numbered("{:05}", first=10_000)),
        Column("account_name", "string", numbered("Account {}")),
        Column("parent_account_id", "int", sometimes(whole(1, 20), 0.8), "The account that this one adds up to."),
    ),
    primary_key=("account_id",),
    foreign_keys=(references("parent_account_id", "finance.accounts", "account_id"),),
)
INVOICES = StoredTable(
    "invoices",
    "Invoices to customers.",
    _INVOICES,
    (
        Column("invoice_id", "bigint", serial(), required=True),
        Column("customer_key", "bigint", whole(1, CUSTOMERS)),
        Column("invoice_date_key", "int", calendar_key()),
        Column("amount", "decimal(18,2)", money(10, 20_000)),
        Column("status", "string", pick("open", "paid", "overdue", weights=(2, 7, 1))),
    ),
    primary_key=("invoice_id",),
    foreign_keys=(
        references("customer_key", "orders.dim_customer"),
        references("invoice_date_key", "orders.dim_date", "date_key"),
    ),
    grants={grantee(SALES_ANALYSTS): ("SELECT",)},
)
PAYMENTS = StoredTable(
    "payments",
    "Payments on invoices.",
    2_500,
    (
        Column("payment_id", "bigint", serial(), required=True),
        Column("invoice_id", "bigint", whole(1, _INVOICES)),
        Column("paid_on", "date", day(date(2023, 1, 1), 1_096)),
        Column("amount", "decimal(18,2)", money(10, 20_000)),
        Column("currency", "string", pick("EUR", *_CURRENCIES)),
        Column("rate_date", "date", day(date(2025, 1, 1), 140)),
    ),
    primary_key=("payment_id",),
    foreign_keys=(
        references("invoice_id", "finance.invoices"),
        ForeignKey(("currency", "rate_date"), "finance.exchange_rates", ("currency", "rate_date")),
    ),
)
EXCHANGE_RATES = StoredTable(
    "exchange_rates",
    "Daily reference rates against the euro.",
    140 * len(_CURRENCIES),
    (
        Column("currency", "string", cycle(*_CURRENCIES), required=True),
        Column("rate_date", "date", each(_rate_date), required=True),
        Column("rate", "decimal(18,8)", money(1, 12, scale=8)),
    ),
    primary_key=("currency", "rate_date"),
)
BUDGETS = StoredTable(
    "budgets",
    "Yearly budgets by account.",
    400,
    (
        Column("budget_id", "int", serial(), required=True),
        Column("account_id", "int", whole(1, _ACCOUNTS)),
        Column("budget_year", "smallint", pick(2023, 2024, 2025)),
        Column("amount", "decimal(18,2)", money(1_000, 900_000)),
    ),
    primary_key=("budget_id",),
    foreign_keys=(references("account_id", "finance.accounts"),),
)
COMMISSIONS = StoredTable(
    "commissions",
    "Commissions; everybody sees the own region only.",
    500,
    (
        Column("commission_id", "int", serial(), required=True),
        Column("region", "string", pick("North", "South")),
        Column("amount", "decimal(12,2)", money(10, 5_000)),
    ),
    row_filter={"function_name": "sales.finance.own_region_only", "input_column_names": ["region"]},
)
TMP_RECONCILIATION = StoredTable(
    "tmp_reconciliation",
    "Somebody's working copy.",
    50,
    (Column("entry_id", "bigint", serial()), Column("note", "string", numbered("check {}"))),
)

FINANCE_SCHEMA = SampleSchema(
    "finance",
    "Ledger, invoices and payments.",
    (
        LEDGER_ENTRIES, ACCOUNTS, INVOICES, PAYMENTS, EXCHANGE_RATES, BUDGETS, COMMISSIONS, TMP_RECONCILIATION,
    ),
    grants={
        grantee(SALES_READER): MIRROR,
        grantee(FINANCE): READ,
        grantee(SALES_ANALYSTS): ("USE_SCHEMA",),
        grantee(LOCAL_TESTERS): READ,
    },
)  # fmt: skip
