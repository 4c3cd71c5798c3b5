"""What SQL Server says when it refuses, by its own numbers.

[I] 24559, 13807 and 24801 are the nearest of the numbers that the engine documents; 50501 is the emulator's own, for
what the real endpoint does and this one does not.
"""

from __future__ import annotations

LOGIN_FAILED = 18456


class SqlError(Exception):
    """An error message of the server: number, severity (``class`` on the wire) and state.

    ``answered`` holds the tokens of a batch's statements before the one that failed.
    """

    answered: bytes = b""

    def __init__(self, number: int, message: str, *, severity: int = 16, state: int = 1) -> None:
        super().__init__(f"{number}: {message}")
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state


def login_failed(user: str = "<token-identified principal>", *, because: str = "") -> SqlError:
    """The login was refused; with a bad token, why is not told."""
    return SqlError(LOGIN_FAILED, f"Login failed for user '{user}'. {because}".strip(), severity=14)


def no_such_database() -> SqlError:
    """The token was good, but there is no such database, or not for this caller [D]."""
    reason = "the database was not found or you have insufficient permissions to connect to it."
    return login_failed(because=f"Reason: Authentication was successful, but {reason}")


def no_database(name: str, why: str = "The login failed.") -> SqlError:
    """The database named at login isn't there, or not for this login."""
    return SqlError(4060, f'Cannot open database "{name}" requested by the login. {why}', severity=11)


def unknown_database(name: str) -> SqlError:
    """``USE`` of a database that isn't there."""
    return SqlError(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")


def unknown_object(name: str) -> SqlError:
    """A table that the endpoint doesn't know; names are compared with regard to case."""
    return SqlError(208, f"Invalid object name '{name}'.")


def unknown_column(name: str) -> SqlError:
    """A column that isn't there."""
    return SqlError(207, f"Invalid column name '{name}'.")


def unbound(name: str) -> SqlError:
    """A column of a table that the query doesn't read, or not under that name."""
    return SqlError(4104, f'The multi-part identifier "{name}" could not be bound.')


def ambiguous_column(name: str) -> SqlError:
    """A column that more than one table has."""
    return SqlError(209, f"Ambiguous column name '{name}'.")


def syntax(near: str) -> SqlError:
    """T-SQL that can't be parsed."""
    return SqlError(102, f"Incorrect syntax near '{near}'.", severity=15)


def unknown_function(name: str) -> SqlError:
    """A function that the endpoint doesn't have."""
    return SqlError(195, f"'{name}' is not a recognized built-in function name.", severity=15)


def unknown_user_function(name: str) -> SqlError:
    """A function of a schema: there are none."""
    message = f'Cannot find either column "{name.partition(".")[0]}" or the user-defined function or aggregate "{name}"'
    return SqlError(4121, f"{message}, or the name is ambiguous.")


def unclosed(text: str) -> SqlError:
    """A text without its end."""
    return SqlError(105, f"Unclosed quotation mark after the character string '{text}'.", severity=15)


def unknown_procedure(name: str) -> SqlError:
    """A stored procedure that the endpoint doesn't have."""
    return SqlError(2812, f"Could not find stored procedure '{name}'.", state=62)


def unknown_variable(name: str) -> SqlError:
    """A variable or parameter without a value."""
    return SqlError(137, f'Must declare the scalar variable "{name}".', severity=15)


def unknown_handle(handle: int) -> SqlError:
    """A prepared statement that isn't there."""
    return SqlError(8179, f"Could not find prepared statement with handle {handle}.")


def select_denied(table: str, database: str, schema: str) -> SqlError:
    """The caller may not read a table."""
    message = f"The SELECT permission was denied on the object '{table}', database '{database}', schema '{schema}'."
    return SqlError(229, message, severity=14, state=5)


def unreadable_table(table: str, why: str) -> SqlError:
    """The endpoint knows the table, but its files can't be read."""
    return SqlError(13807, f"Content of directory on path 'Tables/{table}' cannot be listed: {why}")


def read_only() -> SqlError:
    """A statement that changes data: the endpoint is read-only [D]."""
    unsupported = "Data Manipulation Language (DML) statements are not supported for this table type"
    return SqlError(24559, f"{unsupported} in this version of SQL Server.")


def permission_denied(action: str, database: str) -> SqlError:
    """A statement that changes what the database holds."""
    return SqlError(262, f"{action} permission denied in database '{database}'.", severity=14)


def throttled() -> SqlError:
    """The capacity has done too much: the SQL endpoint says no when, but to try again."""
    limits = (
        "Unable to complete the action because your organization's Fabric compute capacity has exceeded its limits."
    )
    return SqlError(24801, f"{limits} Try again later.")


def not_served(what: str) -> SqlError:
    """Something that the real endpoint does and the emulator doesn't."""
    return SqlError(50501, f"The emulator does not serve {what}.")
