"""What a session's statements need of the cloud: the tables and views behind names, databases, and who asks.

Imported when the first statement comes, for the sake of a fast start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.rules import Rules
from cloud_emulator.sql import catalog, endpoints, errors, procedures, tokens
from cloud_emulator.sql.catalog import TableFiles
from cloud_emulator.sql.endpoints import Database
from cloud_emulator.sql.engine import Cancel, Engine, encoded
from cloud_emulator.sql.interpreting import Interpreter
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.session import State
from cloud_emulator.sql.statements import Query, Statement, TableName, Variable
from cloud_emulator.sql.system_views import TYPE_IDS, Shown, View, database_ids, system_view
from cloud_emulator.sql.tokens import Change, Token
from cloud_emulator.sql.types import COLLATION_NAME

VERSION = "Microsoft Fabric SQL analytics endpoint (emulated by unity-mirror) - 12.0.2000.8"
_PROPERTIES: Mapping[str, str | int] = {
    "engineedition": 11, "edition": "SQL Azure", "productversion": "12.0.2000.8", "productlevel": "RTM",
    "collation": COLLATION_NAME, "servername": tokens.SERVER_NAME, "updateability": "READ_ONLY", "status": "ONLINE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """A batch with its parameters; ``done`` is the token that ends each of its statements."""

    text: str
    parameters: Mapping[str, Parameter]
    done: Token


class Runner:
    """Runs batches for all sessions of a listener."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.engine = Engine(cloud.folder / "sql")

    async def run(self, state: State, work: Work, cancel: Cancel) -> list[bytes]:
        """The tokens that answer a batch, each statement's end among them. Raises :class:`errors.SqlError`, to which
        the tokens of the statements before are attached as ``answered``."""
        interpreter = Interpreter(self, state, work.done, cancel)
        try:
            await interpreter.batch(work.text, work.parameters)
        except errors.SqlError as error:
            error.answered = b"".join(interpreter.answer)
            raise
        return interpreter.answer

    async def check(self, state: State, text: str, parameters: Mapping[str, Variable]) -> None:
        """Raises :class:`errors.SqlError` for a batch that can't be run whatever its parameters."""
        parsed = await asyncio.to_thread(self.engine.parse, text, state.database.name, self.rules(), parameters)
        for query in _queries(parsed.statements):
            for name in query.tables:
                self.source(state, name)

    def rules(self) -> Rules:
        """The rules in force."""
        return self._cloud.rules.as_they_are()

    def list_catalog(self, state: State, procedure: str, arguments: Sequence[Parameter]) -> list[bytes]:
        """Columns and rows with which a procedure of the catalog answers. Raises :class:`errors.SqlError`."""
        cloud, caller, utf8 = self._cloud, state.caller, state.login.reads_utf8
        everywhere = (_shown(cloud, caller, each) for each in endpoints.siblings(cloud, state.database))
        shown = _shown(cloud, caller, state.database)
        found = encoded(procedures.listing(procedure, arguments, shown, lambda: everywhere), utf8=utf8)
        state.rows = found.count
        return [tokens.columns(found.columns, utf8=utf8), *found.rows]

    def use(self, state: State, name: str) -> bytes:
        """Makes another database the current one. Raises SQL error 911."""
        found = endpoints.sibling(self._cloud, state.database, name)
        if found is None:
            raise errors.unknown_database(name)
        old, state.database = state.database, found
        return changed_database(found, old)

    def source(self, state: State, name: TableName) -> TableFiles | View:
        """What a name stands for. Raises SQL error 208, 229 or 13807."""
        database = endpoints.sibling(self._cloud, state.database, name.database) if name.database else state.database
        if str(name) == "master.sys.databases":
            database = state.database  # the same from every database of the server
        if database is None:
            raise errors.unknown_object(str(name))
        fold = str if self._cloud.rules.on("sql.names.case") else str.upper
        schema = next((each for each in ("sys", "INFORMATION_SCHEMA") if fold(name.schema or "") == fold(each)), None)
        if schema is not None:
            shown = _shown(self._cloud, state.caller, database)
            view = system_view(shown, schema, name.name if fold is str else name.name.upper())
            if view is not None:
                return view
        table = catalog.find_table(self._cloud, database, name.schema or "dbo", name.name)
        if table is None:
            raise errors.unknown_object(str(name))
        with self._cloud.store.transaction():
            return catalog.open_table(self._cloud, state.caller, table)

    def session(self, state: State) -> dict[str, Any]:
        """What functions about the session answer."""
        tables = catalog.visible_tables(self._cloud, state.caller, state.database)
        return {
            "now": self._cloud.clock.now().replace(tzinfo=None),
            "user": state.caller.name,
            "database": state.database.name,
            "application": state.login.application,
            "host": "localhost",
            "properties": _PROPERTIES,
            "objects": {(table.schema, table.name): table.object_id for table in tables},
            "schemas": _shown(self._cloud, state.caller, state.database).schemas,
            "databases": database_ids(endpoints.siblings(self._cloud, state.database)),
            "types": {number: name for name, number in TYPE_IDS.items()},
            "@@VERSION": VERSION,
            "@@SPID": state.number,
            "@@TRANCOUNT": int(bool(state.transaction)),
            "@@LANGUAGE": "us_english",
            "@@SERVERNAME": tokens.SERVER_NAME,
            "@@MAX_PRECISION": 38,
            "@@ROWCOUNT": state.rows,
            "@@ERROR": 0,
            "@@OPTIONS": 5432,
            "@@MICROSOFTVERSION": 0x0C0007D0,
            "@@LOCK_TIMEOUT": -1,
            "@@DATEFIRST": 7,
            "@@NESTLEVEL": 0,
            "@@FETCH_STATUS": 0,
            "@@SERVICENAME": "MSSQLSERVER",
        }


def changed_database(new: Database, old: Database) -> bytes:
    """Tells the client of its new database."""
    message = f"Changed database context to '{new.name}'."
    return tokens.environment(Change.DATABASE, new.name, old.name) + tokens.information(5701, message)


def _queries(statements: Iterable[Statement]) -> Iterator[Query]:
    """The queries that are sure to be run."""
    for each in statements:
        if isinstance(each, Query):
            yield each


def _shown(cloud: Cloud, caller: Caller, database: Database) -> Shown:
    return Shown(database, endpoints.siblings(cloud, database), catalog.visible_tables(cloud, caller, database))
