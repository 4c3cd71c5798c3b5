"""Unity Catalog's REST API, Databricks' own and the open-source server's (which lacks some of it: NotSupported)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from unity_mirror.http.calls import Call
from unity_mirror.http.failures import UNITY_CATALOG
from unity_mirror.http.paging import json_object, unity_catalog_pages
from unity_mirror.http.transport import Transport
from unity_mirror.models.base import Picture
from unity_mirror.models.unity_catalog import (
    Catalog,
    EffectivePrivilege,
    MetastoreSummary,
    Policy,
    PrivilegeAssignment,
    Schema,
    Table,
    TagAssignment,
    TemporaryTableCredentials,
)

M = TypeVar("M", bound=Picture)
_BASE = "/api/2.1/unity-catalog"
# Zero asks for the server's own page size; without the parameter Databricks doesn't page at all.
_PAGED: Mapping[str, str] = {"max_results": "0"}


class UnityCatalogClient:
    """Unity Catalog of one Databricks workspace. ``budget`` names what is throttled together."""

    def __init__(self, transport: Transport, base_url: str, scope: str, budget: str) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scope = scope
        self._budget = budget

    async def metastore_summary(self) -> MetastoreSummary:
        """Read the metastore of the workspace. An error says that none is assigned to it."""
        return await self._get("/metastore_summary", "read the metastore", MetastoreSummary)

    async def update_metastore(self, metastore_id: str, body: Mapping[str, Any]) -> None:
        """Change the metastore, e.g. {"external_access_enabled": true}; for its admins."""
        path = f"/metastores/{_quoted(metastore_id)}"
        await self._transport.send(self._call("PATCH", path, "update the metastore", json=body))

    async def catalogs(self) -> list[Catalog]:
        """List the catalogs, those that we may only browse included."""
        params = {**_PAGED, "include_browse": "true"}
        return await self._list("/catalogs", "list the catalogs", "catalogs", Catalog, params)

    async def catalog(self, name: str) -> Catalog:
        """Read one catalog."""
        return await self._get(f"/catalogs/{_quoted(name)}", f"read the catalog {name}", Catalog)

    async def schemas(self, catalog: str) -> list[Schema]:
        """List a catalog's schemas, those that we may only browse included."""
        params = {**_PAGED, "catalog_name": catalog, "include_browse": "true"}
        return await self._list("/schemas", f"list the schemas of {catalog}", "schemas", Schema, params)

    async def schema(self, full_name: str) -> Schema:
        """Read one schema. Raises PermissionDenied for one that isn't shown to us, NotFound for none."""
        return await self._get(f"/schemas/{_quoted(full_name)}", f"read the schema {full_name}", Schema)

    async def tables(self, catalog: str, schema: str) -> list[Table]:
        """List a schema's tables and views, without their constraints; ``table`` has those."""
        params = {
            **_PAGED,
            "catalog_name": catalog,
            "schema_name": schema,
            "include_browse": "true",
            "include_manifest_capabilities": "true",
        }
        return await self._list("/tables", f"list the tables of {catalog}.{schema}", "tables", Table, params)

    async def table(self, full_name: str) -> Table:
        """Read one table, constraints included."""
        return await self._get(f"/tables/{_quoted(full_name)}", f"read the table {full_name}", Table)

    async def grants(
        self, securable_type: str, full_name: str, principal: str | None = None
    ) -> list[PrivilegeAssignment]:
        """List what is granted directly on a securable (catalog, schema, table), to one principal or to all."""
        path = f"/permissions/{securable_type.lower()}/{_quoted(full_name)}"
        params = {"principal": principal} if principal else {}
        operation = f"read the grants on {full_name}"
        return await self._list(path, operation, "privilege_assignments", PrivilegeAssignment, params)

    async def grant(
        self,
        securable_type: str,
        full_name: str,
        principal: str,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> None:
        """Grant and revoke privileges of one principal (e-mail, group name, application id) on a securable."""
        path = f"/permissions/{securable_type.lower()}/{_quoted(full_name)}"
        change: dict[str, Any] = {"principal": principal}
        if add:
            change["add"] = list(add)
        if remove:
            change["remove"] = list(remove)
        call = self._call("PATCH", path, f"change the grants on {full_name}", json={"changes": [change]})
        await self._transport.send(call)

    async def effective_privileges(
        self, securable_type: str, full_name: str, principal: str
    ) -> list[EffectivePrivilege]:
        """List what a principal may do with a securable, inherited privileges included.

        Raises NotSupported on servers without it. Whether membership in groups counts isn't documented.
        """
        found = await self._effective(securable_type, full_name, {"principal": principal})
        return list(found.get(principal.casefold(), ()))

    async def everyones_privileges(
        self, securable_type: str, full_name: str
    ) -> dict[str, tuple[EffectivePrivilege, ...]]:
        """List what each principal (in lower case) may do with a securable, inherited privileges included.

        Whoever may not see others' privileges isn't told so: theirs are left out.
        """
        return await self._effective(securable_type, full_name, {})

    async def _effective(
        self, securable_type: str, full_name: str, params: Mapping[str, str]
    ) -> dict[str, tuple[EffectivePrivilege, ...]]:
        path = f"/effective-permissions/{securable_type.lower()}/{_quoted(full_name)}"
        call = self._call("GET", path, f"read the privileges on {full_name}", params=params)
        found: dict[str, tuple[EffectivePrivilege, ...]] = {}
        async for page in unity_catalog_pages(self._transport, call):
            for assignment in page.get("privilege_assignments") or ():
                name = str(assignment.get("principal", "")).casefold()
                privileges = map(EffectivePrivilege.model_validate, assignment.get("privileges") or ())
                found[name] = (*found.get(name, ()), *privileges)
        return found

    async def policies(self, securable_type: str, full_name: str) -> list[Policy]:
        """List the attribute-based access policies on a securable; for those who manage it."""
        path = f"/policies/{securable_type.lower()}/{_quoted(full_name)}"
        return await self._list(path, f"read the policies on {full_name}", "policies", Policy, _PAGED)

    async def catalog_tags(self, catalog: str) -> dict[str, str]:
        """Read the tags put on a catalog."""
        path = f"/entity-tag-assignments/catalogs/{_quoted(catalog)}/tags"
        operation = f"read the tags of {catalog}"
        listed = await self._list(path, operation, "tag_assignments", TagAssignment, _PAGED)
        return {each.tag_key: each.tag_value for each in listed}

    async def temporary_table_credentials(self, table_id: str) -> TemporaryTableCredentials:
        """Have credentials vended for reading a table; refused without EXTERNAL USE SCHEMA."""
        url = f"{self._base_url}/api/2.0/unity-catalog/temporary-table-credentials"
        call = Call(
            service=UNITY_CATALOG,
            operation="have credentials vended for a table",
            method="POST",
            url=url,
            scope=self._scope,
            json={"table_id": table_id, "operation": "READ"},
            effect="read",
            idempotent=True,
            budget=self._budget,
        )
        return TemporaryTableCredentials.model_validate(json_object(call, await self._transport.send(call)))

    def _call(self, method: str, path: str, operation: str, **options: Any) -> Call:
        return Call(
            service=UNITY_CATALOG,
            operation=operation,
            method=method,
            url=f"{self._base_url}{_BASE}{path}",
            scope=self._scope,
            budget=self._budget,
            **options,
        )

    async def _get(self, path: str, operation: str, model: type[M]) -> M:
        call = self._call("GET", path, operation)
        return model.model_validate(json_object(call, await self._transport.send(call)))

    async def _list(self, path: str, operation: str, key: str, model: type[M], params: Mapping[str, str]) -> list[M]:
        call = self._call("GET", path, operation, params=params)
        found: list[M] = []
        async for page in unity_catalog_pages(self._transport, call):
            found.extend(model.model_validate(entry) for entry in page.get(key) or ())
        return found


def _quoted(name: str) -> str:
    return quote(name, safe="")
