"""The artifacts of a catalog's run. Their keys begin with the catalog, so each has its own history in Prefect's UI."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterator

from prefect import get_run_logger
from prefect.artifacts import Artifact, ImageArtifact, LinkArtifact, MarkdownArtifact, TableArtifact

from tasks.report import Report
from tasks.summary import summary_markdown, warnings
from unity_mirror.plan.model import Plan
from unity_mirror.plan.render_markdown import data_rows, data_tables, plan_markdown


def artifact_key(catalog: str, what: str) -> str:
    """Prefect's keys hold lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{catalog}-{what}".lower()).strip("-")


async def publish_plan(plan: Plan) -> None:
    """The plan, before anything is written."""
    artifact = MarkdownArtifact(
        markdown=plan_markdown(plan),
        key=artifact_key(plan.catalog, "plan"),
        description=f"Plan for catalog {plan.catalog}: what would be changed, and why",
    )
    await artifact.acreate()


async def publish_report(report: Report, ended: str) -> None:
    """The result: a page to read, what each step did, the tables, those left out and why, what is missing, and links.

    What a person should look at is logged as warnings too. Prefect shows artifacts in no order of ours, so they are
    made side by side.
    """
    for line in warnings(report):
        get_run_logger().warning(line)
    made = [_summary(report, ended), *_tables(report), *_data(report), *_picture(report), *_links(report)]
    await asyncio.gather(*(artifact.acreate() for artifact in made))


def _summary(report: Report, ended: str) -> Artifact:
    return MarkdownArtifact(
        markdown=summary_markdown(report, ended),
        key=artifact_key(report.catalog, "summary"),
        description=f"What came out for catalog {report.catalog}, and what to do",
    )


def _tables(report: Report) -> Iterator[Artifact]:
    tables = (
        ("result", report.step_rows, "What each step did"),
        ("tables", list(report.tables), "Tables mirrored"),
        ("left-out", report.left_out_rows, "Left out, and why"),
        ("checks", report.check_rows, "Checks that did not pass, and what to do"),
    )
    for what, rows, description in tables:
        if rows:
            yield _table(report, what, rows, description)


def _data(report: Report) -> Iterator[Artifact]:
    """Tables of the steps: who can read what, and counts; rows of data and other details together in one document."""
    for data in (each for each in report.data_tables if each.rows and not each.quiet):
        yield _table(report, re.split(r"[(,]", data.title)[0], data_rows(data), data.title)
    details = data_tables(each for each in report.data_tables if each.quiet)
    if details:
        key = artifact_key(report.catalog, "sql-details")
        yield MarkdownArtifact(markdown=details, key=key, description=f"SQL endpoint: catalog {report.catalog}")


def _table(report: Report, what: str, rows: list[dict[str, str]], description: str) -> Artifact:
    key = artifact_key(report.catalog, what)
    return TableArtifact(table=rows, key=key, description=f"{description}: catalog {report.catalog}")


def _picture(report: Report) -> Iterator[Artifact]:
    if report.picture:
        yield ImageArtifact(
            image_url=f"data:image/svg+xml;base64,{b64encode(report.picture.encode()).decode()}",
            key=artifact_key(report.catalog, "model-picture"),
            description=f"Tables, keys and relationships of the semantic model: catalog {report.catalog}",
        )


def _links(report: Report) -> Iterator[Artifact]:
    for link in report.links:
        key = artifact_key(report.catalog, link.kind)
        yield LinkArtifact(link=link.url, link_text=link.text, key=key, description=link.text)
