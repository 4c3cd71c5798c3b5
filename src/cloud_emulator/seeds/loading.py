"""Fills a cloud from a seed: by name, from a file, or from a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cloud_emulator.arm import seed as arm
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Refusal
from cloud_emulator.core.validation import told
from cloud_emulator.entra.service import MACHINE_IDENTITY
from cloud_emulator.fabric import seed as fabric
from cloud_emulator.seeds import contoso, large
from cloud_emulator.seeds.model import ENVIRONMENT, Group, Seed, ServicePrincipal, Tenant, User
from cloud_emulator.storage import seed as storage
from cloud_emulator.unity_catalog import seed as unity_catalog

_NAMED = {"contoso": contoso.fill}


class SeedError(ValueError):
    """A seed that can't be used; the message says where and why."""


def fill(cloud: Cloud, name_or_file: str) -> None:
    """Fills an empty cloud and remembers the result for ``reset``. Raises :class:`SeedError`."""
    load_seed(cloud, {"name": name_or_file} if name_or_file in _NAMED else _read(Path(name_or_file)))
    cloud.save_seed()


def load_seed(cloud: Cloud, document: Any) -> None:
    """Adds a seed document (or ``{"name": …}``) to a cloud, whole or not at all. Raises :class:`SeedError`."""
    named = isinstance(document, dict) and set(document) == {"name"}
    if named and document["name"] not in _NAMED:
        raise SeedError(f"there is no sample cloud {document['name']!r} (sample clouds: {', '.join(_NAMED)})")
    try:
        with cloud.store.transaction():
            if named:
                _NAMED[document["name"]](cloud, load)
            else:
                load(cloud, Seed.model_validate(document))
    except ValidationError as error:
        raise SeedError(told(error)) from error
    except ValueError as error:
        raise SeedError(str(error)) from error
    except Refusal as refusal:
        raise SeedError(str(refusal)) from refusal


def load(cloud: Cloud, seed: Seed) -> None:
    """Adds a seed to a cloud, section by section."""
    _load_tenant(cloud, seed.tenant)
    cloud.behaviour = seed.behaviour
    if seed.environment:
        cloud.table("settings")[ENVIRONMENT] = {"variables": seed.environment}
    arm.load(cloud, seed.azure)
    storage.load(cloud, seed.storage)
    unity_catalog.load(cloud, seed.unity_catalog)
    fabric.load(cloud, seed.fabric)
    for each in seed.large_catalogs:
        large.load(cloud, each)


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(_NAMED)
        raise SeedError(f"no sample cloud and no file of that name (sample clouds: {known})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SeedError(f"not YAML or JSON: {error}") from error


def _load_tenant(cloud: Cloud, tenant: Tenant) -> None:
    cloud.table("entra.tenants")["home"] = {"tenantId": tenant.id, "domain": tenant.domain}
    for principal in tenant.principals:
        cloud.directory.add(_principal(principal))
    if tenant.machine_identity is not None:
        cloud.table("settings")[MACHINE_IDENTITY] = {
            "objectId": tenant.machine_identity.object_id,
            "header": tenant.machine_identity.header,
        }


def _principal(principal: ServicePrincipal | User | Group) -> dict[str, Any]:
    common = {"objectId": principal.object_id, "type": principal.type, "displayName": principal.display_name}
    if isinstance(principal, ServicePrincipal):
        return {**common, "appId": principal.app_id, "secret": principal.secret}
    if isinstance(principal, User):
        return {**common, "userPrincipalName": principal.user_principal_name}
    return {**common, "members": list(principal.members)}
