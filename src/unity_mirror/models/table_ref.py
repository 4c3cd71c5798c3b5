"""One table of a catalog, and everything that its name decides: OneLake path, shortcut, model entity."""

from typing import NamedTuple


class ShortcutPlace(NamedTuple):
    """Where a table's shortcut sits in a lakehouse: the parent ``path`` and the shortcut's ``name``."""

    path: str
    name: str


class ModelEntity(NamedTuple):
    """What a Direct Lake partition names: ``schema_name`` is None for a source without schemas."""

    entity_name: str
    schema_name: str | None


class TableRef(NamedTuple):
    """``schema.table`` inside one catalog. Ordered by schema, then table; ``str()`` gives ``schema.table``.

    A tuple, because plans of large catalogs hash and compare hundreds of thousands of them.
    """

    schema: str
    table: str

    @classmethod
    def parse(cls, text: str) -> "TableRef":
        """Read ``schema.table``. Raises ValueError for anything else (Unity Catalog names hold no dots)."""
        parts = [part.strip("`") for part in text.split(".")]
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"{text!r} is not of the form schema.table")
        return cls(*parts)

    @classmethod
    def from_full_name(cls, full_name: str) -> "TableRef":
        """Read ``catalog.schema.table`` and drop the catalog. Raises ValueError for anything else."""
        catalog, _, rest = full_name.partition(".")
        if not catalog or not rest:
            raise ValueError(f"{full_name!r} is not of the form catalog.schema.table")
        return cls.parse(rest)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    def full_name(self, catalog: str) -> str:
        """Return the name that Unity Catalog knows it by: ``catalog.schema.table``."""
        return f"{catalog}.{self}"

    @property
    def onelake_path(self) -> str:
        """Return the table's folder inside the mirrored item: ``Tables/schema/table``."""
        return f"Tables/{self.schema}/{self.table}"

    def shortcut(self, with_schemas: bool = True) -> ShortcutPlace:
        """Return where its shortcut goes in a lakehouse with or without schemas.

        Without schemas everything sits directly in ``Tables``, so same-named tables of two schemas collide.
        """
        return ShortcutPlace(f"Tables/{self.schema}" if with_schemas else "Tables", self.table)

    def entity(self, with_schemas: bool = True) -> ModelEntity:
        """Return what a semantic model's partition calls this table."""
        return ModelEntity(self.table, self.schema if with_schemas else None)
