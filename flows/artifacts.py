"""The artifacts of a catalog's run. Their keys begin with the catalog, so each has its own history in Prefect's UI."""

from __future__ import annotations

import re
from base64 import b64encode

from prefect import get_run_logger
from prefect.artifacts import (
    acreate_image_artifact,
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_table_artifact,
)

from tasks.report import Report
from tasks.summary import summary_markdown, warnings
from unity_mirror.plan.model import Plan
from unity_mirror.plan.render_markdown import data_rows, data_tables, plan_markdown


def artifact_key(catalog: str, what: str) -> str:
    """Prefect's keys hold lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{catalog}-{what}".lower()).strip("-")


async def publish_plan(plan: Plan) -> None:
    """The plan, before anything is written."""
    await acreate_markdown_artifact(
        plan_markdown(plan),
        key=artifact_key(plan.catalog, "plan"),
        description=f"Plan for catalog {plan.catalog}: what would be changed, and why",
    )


async def _publish_data(report: Report) -> None:
    """Tables of the steps: who can read what, and counts; rows of data and other details together in one document."""
    for data in (each for each in report.data_tables if each.rows and not each.quiet):
        key = artifact_key(report.catalog, re.split(r"[(,]", data.title)[0])
        description = f"{data.title}: catalog {report.catalog}"
        await acreate_table_artifact(data_rows(data), key=key, description=description)
    details = data_tables(each for each in report.data_tables if each.quiet)
    if details:
        key = artifact_key(report.catalog, "sql-details")
        await acreate_markdown_artifact(details, key=key, description=f"SQL endpoint: catalog {report.catalog}")


async def publish_report(report: Report, ended: str) -> None:
    """The result: a page to read, what each step did, the tables, those left out and why, what is missing, and links.

    What a person should look at is logged as warnings too.
    """
    await acreate_markdown_artifact(
        summary_markdown(report, ended),
        key=artifact_key(report.catalog, "summary"),
        description=f"What came out for catalog {report.catalog}, and what to do",
    )
    for line in warnings(report):
        get_run_logger().warning(line)
    tables = (
        ("result", report.step_rows, "What each step did"),
        ("tables", list(report.tables), "Tables mirrored"),
        ("left-out", report.left_out_rows, "Left out, and why"),
        ("checks", report.check_rows, "Checks that did not pass, and what to do"),
    )
    for what, rows, description in tables:
        if rows:
            key = artifact_key(report.catalog, what)
            await acreate_table_artifact(rows, key=key, description=f"{description}: catalog {report.catalog}")
    await _publish_data(report)
    if report.picture:
        await acreate_image_artifact(
            f"data:image/svg+xml;base64,{b64encode(report.picture.encode()).decode()}",
            key=artifact_key(report.catalog, "model-picture"),
            description=f"Tables, keys and relationships of the semantic model: catalog {report.catalog}",
        )
    for link in report.links:
        key = artifact_key(report.catalog, link.kind)
        await acreate_link_artifact(link.url, link_text=link.text, key=key, description=link.text)
