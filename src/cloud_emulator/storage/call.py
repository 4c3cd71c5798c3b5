"""One storage request on its way through a handler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cloud_emulator.arm.access import blob_roles
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request
from cloud_emulator.core.store import Document
from cloud_emulator.storage import access, acl, files, sas
from cloud_emulator.storage.access import Denial, Source, Want
from cloud_emulator.storage.errors import StorageError
from cloud_emulator.storage.target import Target

_ALL_READERS = frozenset({access.READER, access.CONTRIBUTOR, access.OWNER})


def refusal(denial: Denial) -> StorageError:
    """A denial as a refusal."""
    return StorageError(denial.code, status=denial.status, message=denial.message)


@dataclass(frozen=True, slots=True)
class Call:
    """The request, what it names, and through which protocol (``dfs`` or ``blob``)."""

    cloud: Cloud
    request: Request
    target: Target
    protocol: str

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers, names in lower case."""
        return self.request.headers

    @property
    def query(self) -> Mapping[str, str]:
        """The request's query parameters."""
        return self.request.query

    @property
    def object_id(self) -> str | None:
        """Who is asking; ``None`` for a shared access signature."""
        return self.request.caller.object_id or None

    @property
    def source(self) -> Source:
        """Where the client is: on loopback, it has the address that the behaviour says."""
        return Source(self.cloud.behaviour.client_address)

    def require(self, want: Want, path: str | None = None, *, container: str | None = None) -> None:
        """Raises :class:`StorageError` unless the caller may do that to a path (default: the one named)."""
        if self.target.is_onelake:
            return  # Fabric has been asked
        where = self.target.path if path is None else path
        holder = self.target.container if container is None else container
        if self.request.caller.kind == sas.KIND:
            if holder != self.target.container:
                raise refusal(access.RIGHTS)
            sas.check(self.cloud, self.target, self.query, where, want)
        denial = access.check(
            self.cloud,
            object_id=self.object_id,
            account=self.target.account,
            container=holder,
            path=where,
            want=want,
            source=self.source,
        )
        if denial is not None:
            raise refusal(denial)

    @property
    def reads_everything(self) -> bool:
        """Whether a role, or a signature, lets the caller list all directories, so that none has to be asked."""
        if self.object_id is None:
            return True
        roles = blob_roles(self.cloud, self.object_id, self.target.account, self.target.container)
        return bool(roles & _ALL_READERS)

    @property
    def is_super_user(self) -> bool:
        """Whether the caller may change owners: Storage Blob Data Owner, or a signature for ownership."""
        if self.request.caller.kind == sas.KIND:
            return "o" in self.query["sp"]
        return access.is_super_user(self.cloud, self.object_id, self.target.account, self.target.container)

    def access_list(self, *, directory: bool) -> str:
        """The whole access list in ``x-ms-acl``. Raises ``acl.InvalidAcl``."""
        return acl.complete(acl.parse(self.headers["x-ms-acl"]), directory=directory, rules=self.cloud.rules)

    def stat(self, path: str | None = None) -> Document | None:
        """The node at a path of the container (default: the one named)."""
        where = self.target.path if path is None else path
        found = files.stat(self.cloud, self.target.account, self.target.container, where)
        is_virtual = found is not None and found["isDirectory"] and where != "" and not self.is_hierarchical
        return None if is_virtual else found

    @property
    def owner(self) -> str:
        """Who owns what the caller creates."""
        return self.object_id or files.SUPERUSER

    def node(self) -> Document:
        """The node at the path named. Raises :class:`StorageError` (404)."""
        found = self.stat()
        if found is None:
            raise StorageError("PathNotFound")
        return found

    def require_namespace(self) -> None:
        """Raises :class:`StorageError` when the account's namespace is flat."""
        if not self.is_hierarchical and self.cloud.rules.on("storage.namespace.needed"):
            raise StorageError("HierarchicalNamespaceNotEnabled")

    @property
    def is_hierarchical(self) -> bool:
        """Whether the account has a hierarchical namespace; OneLake has."""
        if self.target.is_onelake:
            return True
        account = self.cloud.table("arm.storageAccounts")[self.target.account]
        return bool(account["properties"].get("isHnsEnabled"))

    def require_servable_name(self) -> None:
        """Raises :class:`StorageError` where a slash at the end would make another name: in a flat namespace."""
        if self.target.ends_in_slash and not self.is_hierarchical:
            message = "The emulator holds no blobs whose names end in a slash."
            raise StorageError("NotImplemented", status=501, message=message)

    def require_known_query(self, known: Iterable[str]) -> None:
        """Raises :class:`StorageError` for a parameter that the operation doesn't have."""
        for name in self.query if self.cloud.rules.on("storage.protocol.query") else ():
            if name not in known and not (name in sas.PARAMETERS and "sig" in self.query):
                raise StorageError("UnsupportedQueryParameter", f"QueryParameterName: {name}")

    def check_body(self, *, taken: bool) -> None:
        """Raises :class:`StorageError` for a body of unsaid length, or where the operation takes none."""
        unsaid = self.request.body and "content-length" not in self.headers
        if unsaid and self.cloud.rules.on("storage.protocol.length"):
            raise StorageError("MissingContentLengthHeader")
        if self.request.body and not taken:
            raise StorageError("InvalidInput", "The operation takes no body.")

    def visible(self, directory: str, *, recursive: bool) -> Iterator[Document]:
        """What lies below a directory, siblings by name. Raises :class:`StorageError` where the caller may not list."""
        ask = not self.reads_everything
        for node in files.children(self.cloud, self.target.account, self.target.container, directory):
            yield node
            if recursive and node["isDirectory"]:
                if ask:
                    self.require("list", node["path"])
                yield from self.visible(node["path"], recursive=True)
