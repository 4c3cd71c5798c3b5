"""Rules of SQL analytics endpoints: logins, and what queries may do."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
sql.login.encrypted M Everything is encrypted; a client that can't is hung up on.
sql.login.token C A login takes an Entra token; SQL Server's own users are refused.
sql.login.role D A database is there only for those who have a role in its workspace.
sql.login.capacity D While the workspace's capacity is paused, nobody logs in.
sql.sessions.role D A session ends with its caller's role in the workspace.
sql.reads.roles D In user identity mode OneLake's roles decide which tables a caller reads.
sql.reads.data D The endpoint is read-only: what changes data is refused.
sql.reads.tables D Fabric makes and drops the tables; T-SQL doesn't.
sql.names.case M Names are compared with regard to case, those of the system views as well.
sql.columns.nested D Structs, arrays and maps are no columns.
sql.language.dialect D What other dialects have and T-SQL hasn't is a syntax error.
"""
)
