"""What role assignments have in common, those of workspaces and those of connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Handler, Request, Response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import principals
from cloud_emulator.fabric.errors import not_found
from cloud_emulator.fabric.responses import listing
from cloud_emulator.fabric.routing import Operation, router


@dataclass(frozen=True, slots=True)
class RoleAssignments:
    """One kind: its table, the field that names what the roles are on, and how the API calls all this: the collection
    of what they are on, its id in paths, and an assignment in operation ids."""

    table: str
    holder: str
    collection: str
    operation: str

    @property
    def _id_name(self) -> str:
        return f"{self.operation[0].lower()}{self.operation[1:]}Id"

    def of(self, cloud: Cloud, holder_id: str) -> list[Document]:
        """All of one holder."""
        return cloud.table(self.table).by(self.holder, holder_id)

    def find(self, cloud: Cloud, request: Request, holder_id: str) -> Document:
        """The one that the path names. Raises 404 ``EntityNotFound``."""
        assignment_id = request.params[self._id_name]
        found = cloud.table(self.table).get(assignment_id)
        if found is None or found[self.holder] != holder_id:
            raise not_found("Role assignment", assignment_id)
        return found

    def change(self, cloud: Cloud, assignment: Document, role: str) -> Document:
        """Gives an assignment another role; as it is then."""
        changed = {**assignment, "role": role}
        cloud.table(self.table)[assignment["id"]] = changed
        return changed

    def is_only(self, cloud: Cloud, assignment: Document, role: str) -> bool:
        """Whether nobody besides has that role."""
        every = self.of(cloud, assignment[self.holder])
        return not any(each["role"] == role and each["id"] != assignment["id"] for each in every)

    def list(self, cloud: Cloud, request: Request, holder_id: str) -> Response:
        """A page of all of one holder."""
        return listing(cloud, request, self.of(cloud, holder_id), lambda each: view(cloud, each))

    def path(self, holder_id: str, assignment_id: str) -> str:
        """Where one is to be had."""
        return f"/{self.collection}/{holder_id}/roleAssignments/{assignment_id}"

    def routes(self, every: Handler, add: Handler, one: Handler, change: Handler, delete: Handler) -> Router:
        """The five operations."""
        service, name = self.collection.capitalize(), self.operation
        of_all = f"/{self.collection}/{{{self.holder}}}/roleAssignments"
        of_one = f"{of_all}/{{{self._id_name}}}"
        return router(
            (
                Operation("GET", of_all, f"{service}_List{name}s", every, query=("continuationToken",)),
                Operation("POST", of_all, f"{service}_Add{name}", add, body=True),
                Operation("GET", of_one, f"{service}_Get{name}", one),
                Operation("PATCH", of_one, f"{service}_Update{name}", change, body=True),
                Operation("DELETE", of_one, f"{service}_Delete{name}", delete),
            )
        )


def view(cloud: Cloud, assignment: Document) -> dict[str, Any]:
    """An assignment as the API shows it."""
    principal = principals.view(cloud, assignment["principalId"], assignment["principalType"])
    return {"id": assignment["id"], "principal": principal, "role": assignment["role"]}
