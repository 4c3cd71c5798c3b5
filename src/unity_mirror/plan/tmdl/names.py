"""Names in TMDL: quoting, file names, uniqueness, and identifiers that stay the same from run to run."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from hashlib import sha256
from uuid import UUID, uuid5

NAMESPACE = UUID("6f6ad8f2-6d1c-5f0e-9d5b-6b1d3c5a7e21")
"""Namespace of our lineage tags and relationship names. Never change it: they would all change."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"('(?:[^']|'')*'|[^.']+)\.('(?:[^']|'')*'|.+)")
_SAFE_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\- ]{0,62}[A-Za-z0-9_]|[A-Za-z0-9_]")
_UNSAFE = re.compile(r"[^A-Za-z0-9_\- ]+")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_WORD = re.compile(r"[^\W\d_a-z]+(?![a-z])|[^\W\d_]?[^\W\d_A-Z]+|\d+|[^\s\w]+")
_ACRONYMS = {word.lower(): word for word in ("ID", "URL", "VAT", "SKU", "GUID", "ISO", "EU", "UK", "US", "IP")}
_LONGEST_STEM = 48


def quote(name: str) -> str:
    """A name as TMDL wants it: in single quotes unless it is a plain word, with quotes inside doubled."""
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def column_reference(table: str, column: str) -> str:
    """``table.column``, each part quoted where needed."""
    return f"{quote(table)}.{quote(column)}"


def unquote(text: str) -> str:
    """The name that ``quote`` or another writer of TMDL wrote."""
    return text[1:-1].replace("''", "'") if len(text) > 1 and text[0] == text[-1] == "'" else text


def split_reference(reference: str) -> tuple[str, str]:
    """Table and column of ``table.column``, unquoted; the column is empty when there is no dot between them."""
    found = _REFERENCE.fullmatch(reference.strip())
    return (unquote(found[1]), unquote(found[2])) if found else (unquote(reference.strip()), "")


def stable_id(*parts: str) -> str:
    """A GUID that depends only on what it names."""
    return str(uuid5(NAMESPACE, "\x1f".join(parts)))


def has_control(text: str) -> bool:
    """Whether the text holds a character that neither a name nor one line of TMDL can hold."""
    return _CONTROL.search(text) is not None


def printable(text: str) -> str:
    """The text without characters that TMDL can't hold."""
    return _CONTROL.sub(" ", text)


def file_name(name: str) -> str:
    """A file name for an object, safe everywhere and different for different names, also where case doesn't count."""
    if _SAFE_FILE.fullmatch(name) and not _DEVICES.fullmatch(name) and name == name.lower():
        return name
    stem = _UNSAFE.sub("_", name)[:_LONGEST_STEM].strip(" ") or "_"
    return f"{stem}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def friendly(name: str) -> str:
    """A technical name in words: ``customer_key`` is Customer Key, ``orderID`` Order ID. Empty when nothing is left."""
    words = _WORD.findall(printable(name).replace("_", " "))
    return " ".join(_ACRONYMS.get(word.lower(), word[:1].upper() + word[1:]) for word in words)


def unique(wished: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The names wished for, numbered where one was given before; compared as Analysis Services does: without case."""
    closed = {name.casefold() for name in taken}
    result: list[str] = []
    for wish in wished:
        name = free(wish, closed)
        closed.add(name.casefold())
        result.append(name)
    return result


def free(wish: str, closed: Container[str]) -> str:
    """The name wished for, or the first with a number that isn't among those that are closed (in lower case)."""
    name, number = wish, 1
    while name.casefold() in closed:
        number += 1
        name = f"{wish} ({number})"
    return name
