"""Attribute-based policies: Fabric mirrors no table that one covers, and a table's own description doesn't show them.

Listing them takes one request for each securable, so a catalog's and its schemas' are read before it is first mirrored,
a table's own only once Fabric didn't mirror it. A policy may be meant for some tables only, by their tags; which, the
API doesn't tell: what it covers is left out when Fabric does.
"""

from __future__ import annotations

from collections.abc import Iterable

from unity_mirror.errors import NotFound, NotSupported, PermissionDenied
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Policy
from unity_mirror.plan.model import LeftOut, Reason
from unity_mirror.steps.context import Context, side_by_side


async def covered(context: Context, refs: Iterable[TableRef], *, tables: bool) -> dict[TableRef, LeftOut]:
    """The tables that a policy on their catalog, their schema or, with ``tables``, themselves covers, with the reason.

    Empty where we may not see policies: that takes MANAGE.
    """
    wanted = sorted(set(refs))
    catalog = context.spec.catalog
    when = "policies" if tables else "policies before creation"
    if not wanted or await policies_on(context, "CATALOG", catalog, when) is None:
        return {}
    places = [("CATALOG", catalog), *(("SCHEMA", f"{catalog}.{name}") for name in sorted({r.schema for r in wanted}))]
    places += [("TABLE", ref.full_name(catalog)) for ref in wanted] if tables else []
    listed = await side_by_side(policies_on(context, kind, name, when) for kind, name in places)
    found = {name.casefold(): policies for (_, name), policies in zip(places, listed, strict=True) if policies}
    return {ref: reason for ref in wanted if (reason := _reason(catalog, ref, found)) is not None}


async def catalog_policies(context: Context, schemas: Iterable[str]) -> tuple[Policy, ...] | None:
    """The policies on the catalog and on its schemas; ``None`` where we may not see them."""
    catalog = context.spec.catalog
    on_catalog = await policies_on(context, "CATALOG", catalog)
    if on_catalog is None:
        return None
    below = await side_by_side(policies_on(context, "SCHEMA", f"{catalog}.{name}") for name in sorted(set(schemas)))
    return (*on_catalog, *(policy for found in below for policy in found or ()))


async def policies_on(context: Context, kind: str, name: str, when: str = "policies") -> tuple[Policy, ...] | None:
    """The policies that are defined on a securable; ``None`` where we may not see them.

    ``when``: those that only foretell what Fabric will leave out are read once, as the tables are (``Reads.renew``).
    """
    client = context.clients.unity_catalog(context.spec.databricks.workspace)

    async def read() -> tuple[Policy, ...] | None:
        try:
            return tuple(await client.policies(kind, name))
        except NotFound:
            if kind == "CATALOG":
                raise
            return ()  # dropped since it was listed
        except (PermissionDenied, NotSupported):
            return None

    return await context.reads.once((when, kind, name.casefold()), read)


def _reason(catalog: str, ref: TableRef, found: dict[str, tuple[Policy, ...]]) -> LeftOut | None:
    for name in (catalog, f"{catalog}.{ref.schema}", ref.full_name(catalog)):
        for policy in found.get(name.casefold(), ()):
            detail = f"The attribute-based policy {policy.name} on {name} covers it; Fabric mirrors no such table."
            return LeftOut(str(ref), Reason.POLICY, detail)
    return None
