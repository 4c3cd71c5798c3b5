"""The plan of an offboarding: what goes, what stays and why. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unity_mirror.errors import FirewallDenied, NotFound, PermissionDenied
from unity_mirror.models.arm import ResourceAccessRule, RoleAssignment
from unity_mirror.models.fabric import Connection, Shortcut, WorkspaceRoleAssignment
from unity_mirror.models.storage import Acl
from unity_mirror.plan.acl import revoke
from unity_mirror.plan.model import Action, Change, Plan, StepName, StepPlan
from unity_mirror.plan.ownership import Made, Spared, acl_above, role_assignment_name
from unity_mirror.spec import ExistingAuth, ServicePrincipalAuth, WorkspaceIdentityAuth
from unity_mirror.steps.connections import CONNECTION
from unity_mirror.steps.context import Context, side_by_side
from unity_mirror.steps.identity import IDENTITY, principal_of
from unity_mirror.steps.identity import ROLE as WORKSPACE_ROLE
from unity_mirror.steps.lakehouse_shortcuts import LAKEHOUSE, SHORTCUT, table_of
from unity_mirror.steps.lakehouses import House
from unity_mirror.steps.mirror import ITEM, MARK
from unity_mirror.steps.model_upkeep import MODEL, Model
from unity_mirror.steps.offboard.needs import ABOVE, needed_by, out_of_sight, role_needed_by
from unity_mirror.steps.offboard.reading import Other, Reading, read
from unity_mirror.steps.offboard.users import Users, connection_names
from unity_mirror.steps.record import RECORD, record_name
from unity_mirror.steps.storage_access import ACL, DATA_READER, DELEGATOR, ROLE
from unity_mirror.steps.trusted_access import NETWORK_RULE, workspace_rule

Permits = Callable[[Change], bool]
_OURS = "it is ours"
_ROLES = {DATA_READER: "Storage Blob Data Reader", DELEGATOR: "Storage Blob Delegator"}
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Emptying:
    """What goes of a lakehouse: all of it, or these shortcuts."""

    house: House
    whole: bool
    shortcuts: tuple[Shortcut, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """What applying needs: each thing that goes."""

    reading: Reading
    models: tuple[Model, ...] = ()
    houses: tuple[Emptying, ...] = ()
    delete_item: bool = False
    connections: tuple[Connection, ...] = ()
    rule: ResourceAccessRule | None = None
    roles: tuple[RoleAssignment, ...] = ()
    acls: tuple[str, ...] = ()
    principal: str = ""
    workspace_role: WorkspaceRoleAssignment | None = None
    identity: bool = False
    heirs: Mapping[Made, Other] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offboarding:
    """The plan and what it takes to carry it out."""

    plan: Plan
    removal: Removal


async def plan_offboarding(
    context: Context, *, keep_lakehouse: bool = False, permits: Permits | None = None
) -> Offboarding:
    """What offboarding would remove. ``permits`` narrows it, for a rollback, to what one run made."""
    reading = await read(context, whole=permits is None)
    return await _Planner(context, reading, permits).make(keep_lakehouse=keep_lakehouse)


class _Planner:
    def __init__(self, context: Context, reading: Reading, permits: Permits | None) -> None:
        self._context = context
        self._spec = context.spec
        self._reading = reading
        self._permits = permits
        self._rolls_back = permits is not None
        self._users = Users(context.spec, reading, connection_names(context), self._rolls_back)
        self._changes: list[Change] = []
        self._notes: list[str] = []
        self._heirs: dict[Made, Other] = {}

    async def make(self, *, keep_lakehouse: bool) -> Offboarding:
        models = tuple(each for each in self._reading.models if self._model_goes(each))
        houses = [self._emptying(each, keep_lakehouse=keep_lakehouse) for each in self._reading.houses]
        delete_item = self._item_goes()
        connections = tuple(self._connections())
        principal = await self._principal()
        removal = Removal(
            reading=self._reading,
            models=models,
            houses=tuple(each for each in houses if each.whole or each.shortcuts),
            delete_item=delete_item,
            connections=connections,
            rule=await self._rule(),
            roles=await self._roles(principal),
            acls=await self._acls(principal),
            principal=principal,
            workspace_role=await self._workspace_role(),
            identity=self._identity_goes(),
            heirs=self._heirs,
        )
        self._forgotten()
        self._record()
        self._inherit()
        return Offboarding(self._plan(), removal)

    def _plan(self) -> Plan:
        if unasked := self._reading.outsiders.unasked:
            self._notes.append(f"{unasked} items of the workspace weren't asked which connections they read through.")
        names = dict.fromkeys(change.step for change in self._changes)
        steps = [StepPlan(name, tuple(each for each in self._changes if each.step is name)) for name in names]
        if self._notes:
            steps.append(StepPlan(StepName.VERIFICATION, notes=tuple(self._notes)))
        return Plan(self._spec.catalog, self._reading.workspace.display_name, tuple(steps))

    def _goes(self, step: StepName, kind: str, name: str, reason: str = _OURS) -> bool:
        change = Change(step, Action.DELETE, kind, name, reason)
        if self._permits is None or self._permits(change):
            self._changes.append(change)
            return True
        return False

    def _stays(self, what: str, why: str) -> None:
        self._notes.append(f"{what} stays: {why}.")

    def _nobody_knows(self, made: Made, what: str) -> None:
        """Says of a thing that is there, and that we would have made, that nothing tells any more who did."""
        if not self._reading.remembers and not any(each.made(made) for each in self._reading.others):
            why = f"the {ITEM.lower()} is gone that would say whether we made it; if we did, remove it by hand"
            self._stays(what, why)

    def _model_goes(self, model: Model) -> bool:
        name = model.item.display_name
        if model.foreign:
            self._stays(f"Semantic model {name}", f"others made {_some(model.foreign)} in it")
            return False
        return self._goes(StepName.SEMANTIC_MODEL, MODEL, name)

    def _emptying(self, house: House, *, keep_lakehouse: bool) -> Emptying:
        if self._house_goes(house, keep_lakehouse=keep_lakehouse):
            return Emptying(house, whole=True)
        return Emptying(house, whole=False, shortcuts=self._shortcuts(house))

    def _house_goes(self, house: House, *, keep_lakehouse: bool) -> bool:
        if not house.ours:
            return False
        name = house.item.display_name
        if keep_lakehouse:
            self._stays(f"Lakehouse {name}", "you asked for it")
            return False
        if house.foreign:
            self._stays(f"Lakehouse {name}", f"it also holds {_some(house.foreign)}")
            return False
        return self._goes(StepName.LAKEHOUSE_SHORTCUTS, LAKEHOUSE, name)

    def _shortcuts(self, house: House) -> tuple[Shortcut, ...]:
        """Our shortcuts go one by one where the lakehouse stays; only if the item is ours do we know them as ours."""
        if not self._reading.is_ours:
            return ()
        name, step = house.item.display_name, StepName.LAKEHOUSE_SHORTCUTS
        return tuple(each for each in house.shortcuts if self._goes(step, SHORTCUT, f"{name}/{table_of(each)}"))

    def _item_goes(self) -> bool:
        item = self._reading.item
        if item is None:
            return False
        if not self._reading.is_ours:
            self._stays(f"{ITEM} {item.display_name}", "it carries no mark of ours, so it was there before us")
            return False
        return self._goes(StepName.MIRROR, ITEM, item.display_name)

    def _connections(self) -> Iterable[Connection]:
        made = self._reading.made
        for kind, name in self._users.names.items():
            found = [each for each in self._reading.connections if (each.display_name or "").lower() == name.lower()]
            if found and kind not in made:
                self._nobody_knows(kind, f"{CONNECTION} {name}")
            yield from (each for each in found if kind in made and self._connection_goes(kind, name, each))
            self._renamed(kind, name)

    def _connection_goes(self, kind: Made, name: str, connection: Connection) -> bool:
        what, reading = f"{CONNECTION} {name}", self._reading
        user = next((each for each in reading.others if each.uses(connection.id)), None)
        outsider = self._users.of_storage if kind is Made.CONNECTION_STORAGE else self._users.outside(connection.id)
        if self._users.item_reads_by_another(kind, connection.id):
            self._stays(what, "the item doesn't read by it, so that it isn't the one we made")
        elif kind is Made.CONNECTION_STORAGE and Made.CONNECTION_STORAGE_THEIRS in reading.made:
            self._stays(what, "it was there when the spec came to name it")
        elif user is not None:
            self._keep(kind, what, user)
        elif outsider:
            self._stays(what, outsider)
        else:
            return self._goes(StepName.CONNECTIONS, CONNECTION, name)
        return False

    def _renamed(self, kind: Made, name: str) -> None:
        """Says of a connection that our item reads by, and that we may have made, that the spec names another."""
        ours = self._users.read_by_item(kind) if kind in self._reading.made else ""
        held = next((each for each in self._reading.connections if each.id.lower() == ours), None)
        if held is not None and (held.display_name or "").lower() != name.lower():
            why = f"the spec calls it {name!r}; if it is this catalog's own, name it in the spec and offboard again"
            self._stays(f"{CONNECTION} {held.display_name or held.id}", why)

    async def _principal(self) -> str:
        """Whom the storage rights were given to; empty when nobody can tell any more."""
        storage = self._spec.storage
        if storage is None:
            return ""
        if isinstance(storage.auth, WorkspaceIdentityAuth):
            identity = self._reading.workspace.workspace_identity
            if identity is None and self._reading.made & {Made.ACL, *ABOVE}:
                what = f"What the workspace's former identity holds on {storage.url}"
                self._stays(what, "the identity is gone, and its object id with it: entries of an unknown id are left")
            return identity.service_principal_id if identity else ""
        if isinstance(storage.auth, ServicePrincipalAuth | ExistingAuth):
            if self._reading.made & {Made.IDENTITY, Made.IDENTITY_ROLE} and not self._rolls_back:
                what = f"What the workspace's identity holds on {storage.url}"
                self._stays(what, "the storage connection signs in otherwise by now")
            principal = await principal_of(self._context, storage.auth)
            if principal is None:
                what = f"What was given to the storage connection's principal on {storage.url}"
                self._stays(what, "its object id isn't known: give storage.auth.object_id, and offboard again")
            return principal or ""
        return ""

    @property
    def _by_identity(self) -> bool:
        storage = self._spec.storage
        return storage is not None and isinstance(storage.auth, WorkspaceIdentityAuth)

    def _free(self, made: Made, what: str) -> bool:
        """Whether we made it and no other catalog needs it; one of ours that does inherits it."""
        if made not in self._reading.made or self._spec.storage is None:
            return False
        reading = self._reading
        place = self._spec.storage.location
        user = needed_by(made, reading.others, reading.workspace.id, place, by_identity=self._by_identity)
        outsider = self._users.of_storage or (self._users.of_account if made is Made.NETWORK_RULE else "")
        if user is not None:
            self._keep(made, what, user)
        elif outsider:
            self._stays(what, outsider)
        return user is None and not outsider

    def _keep(self, made: Made, what: str, user: Other) -> None:
        self._stays(what, f"the mirrored catalog {user.item.display_name} needs it")
        if user.is_marked:
            self._heirs[made] = user

    async def _rule(self) -> ResourceAccessRule | None:
        storage = self._spec.storage
        if storage is None or storage.resource_id is None:
            return None
        name = f"{storage.location.account}: workspace {self._reading.workspace.display_name}"
        free = self._free(Made.NETWORK_RULE, f"{NETWORK_RULE} {name}")
        if not free and self._reading.remembers:
            return None
        identity = await self._context.clients.whoami()
        rule = workspace_rule(identity.tenant_id, self._reading.workspace.id)
        account = await self._context.clients.arm.storage_account(storage.resource_id)
        there = account.network_acls.admits(rule)
        if not free:
            if there:
                self._nobody_knows(Made.NETWORK_RULE, f"{NETWORK_RULE} {name}")
            return None
        return rule if there and self._goes(StepName.TRUSTED_ACCESS, NETWORK_RULE, name) else None

    async def _roles(self, principal: str) -> tuple[RoleAssignment, ...]:
        """Role assignments are ours by the name that we derived."""
        storage = self._spec.storage
        if storage is None or storage.resource_id is None or not principal:
            return ()
        held = await self._context.clients.arm.role_assignments(storage.resource_id, principal)
        return tuple(each for each in held if _is_derived(each, principal) and self._role_goes(each))

    def _role_goes(self, role: RoleAssignment) -> bool:
        reading, storage = self._reading, self._spec.storage
        if storage is None:
            return False
        name = f"{_ROLES.get(role.role_id, role.role_id)} on {role.scope.rsplit('/', 1)[-1]}"
        place = storage.location
        user = role_needed_by(role.scope, reading.others, reading.workspace.id, place, by_identity=self._by_identity)
        outsider = self._users.of_storage
        if user is not None or outsider:
            needs = f"the mirrored catalog {user.item.display_name} needs it" if user else outsider
            self._stays(f"{ROLE} {name}", needs)
            return False
        return self._goes(StepName.STORAGE_ACCESS, ROLE, name)

    async def _acls(self, principal: str) -> tuple[str, ...]:
        storage = self._spec.storage
        if storage is None or not principal or not storage.location.folder:
            return ()
        place = storage.location
        paths = [(path, acl_above(path)) for path in place.parents()] + [(place.folder, Made.ACL)]
        if not self._reading.remembers:
            await self._forgotten_acls(paths, principal)
            return ()
        free = [path for path, made in paths if self._free(made, f"{ACL} {place.account}/{place.container}/{path}")]
        if place.folder in free and any(isinstance(each, Spared) for each in self._reading.made):
            what = f"{ACL} {place.account}/{place.container}/{place.folder}/*"
            self._stays(what, f"in part: entries of {principal} that were there before us")
        held = await side_by_side(self._acl(place.account, place.container, path) for path in free)
        return tuple(
            path
            for path, acl in zip(free, held, strict=True)
            if (path == place.folder or (acl is not None and revoke(acl, principal) != acl))
            and self._goes(StepName.STORAGE_ACCESS, ACL, f"{place.account}/{place.container}/{path}")
        )

    async def _forgotten_acls(self, paths: Sequence[tuple[str, Made]], principal: str) -> None:
        place = self._spec.storage.location if self._spec.storage else None
        for path, made in paths if place else ():
            acl = await self._acl(place.account, place.container, path) if place else None
            if place and acl is not None and revoke(acl, principal) != acl:
                self._nobody_knows(made, f"{ACL} {place.account}/{place.container}/{path} of {principal}")

    async def _acl(self, account: str, container: str, path: str) -> Acl | None:
        try:
            return (await self._context.clients.storage.access_control(account, container, path)).acl
        except NotFound:
            return None
        except (PermissionDenied, FirewallDenied) as error:
            self._stays(f"{ACL} {account}/{container}/{path}", f"it can't be read: {error}")
            return None

    @property
    def _workspace_identity(self) -> str:
        """Its object id, whoever the storage connection signs in as by now; empty when there is none."""
        identity = self._reading.workspace.workspace_identity
        return identity.service_principal_id if identity else ""

    async def _workspace_role(self) -> WorkspaceRoleAssignment | None:
        what, principal = f"{WORKSPACE_ROLE} of the workspace identity", self._workspace_identity
        if not principal or not self._free(Made.IDENTITY_ROLE, what):
            if principal and self._by_identity:
                self._nobody_knows(Made.IDENTITY_ROLE, what)
            return None
        roles = await self._context.clients.fabric.workspaces.role_assignments(self._reading.workspace.id)
        found = next((each for each in roles if each.principal.id.lower() == principal.lower()), None)
        name = f"{self._reading.workspace.display_name}: workspace identity as {found.role if found else ''}"
        return found if found and self._goes(StepName.IDENTITY, WORKSPACE_ROLE, name) else None

    def _identity_goes(self) -> bool:
        name, principal = self._reading.workspace.display_name, self._workspace_identity
        if not principal or not self._free(Made.IDENTITY, f"{IDENTITY} {name}"):
            if principal and self._by_identity:
                self._nobody_knows(Made.IDENTITY, f"{IDENTITY} {name}")
            return False
        if user := self._users.of_identity:
            self._stays(f"{IDENTITY} {name}", user)
            return False
        return self._goes(StepName.IDENTITY, IDENTITY, name)

    def _forgotten(self) -> None:
        """Says what we made for something that the spec doesn't have any more: where it is, nothing else tells."""
        found = set[Made]() if self._rolls_back else out_of_sight(self._spec) & self._reading.made
        if found:
            what = f"What we made for the storage ({', '.join(sorted(found))})"
            self._stays(what, "the spec's storage section was another then, and tells where: offboard with that one")

    def _record(self) -> None:
        if self._reading.has_record:
            self._goes(StepName.MIRROR, RECORD, record_name(self._reading.owner), "nothing is left to remember")

    def _inherit(self) -> None:
        for made, heir in self._heirs.items():
            after = {"made": made.value, "item": heir.item.display_name}
            reason = "another catalog of ours needs it and looks after it from now on"
            self._changes.append(Change(StepName.MIRROR, Action.UPDATE, ITEM, MARK, reason, {}, after))


def _is_derived(role: RoleAssignment, principal: str) -> bool:
    return role.name.lower() == role_assignment_name(role.scope, principal, role.role_id).lower()


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
