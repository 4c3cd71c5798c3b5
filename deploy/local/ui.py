"""Prefect's UI as we serve it: with our blocks' logo, and asking nobody but us."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.local.layout import HOST, Layout, ui_folder

LOGO = "unity-mirror.svg"
"""Name of the blocks' logo at the UI's address. Prefect itself keeps that address only."""
POLICY = f"connect-src 'self' http://{HOST}:* ws://{HOST}:*"
"""Whom the UI's pages may ask, as a Content-Security-Policy. With analytics off, and before anybody has signed in, they
fetch the analytics' configuration from a server of others."""


def logo_file(layout: Layout) -> Path:
    """The picture that is served under LOGO."""
    return layout.root / "blocks" / "logo.svg"


def dress(layout: Layout) -> None:
    """Add both to the files of the UI, once Prefect's server has put them into their folder."""
    folder = ui_folder(layout)
    shutil.copy(logo_file(layout), folder / "v1" / LOGO)
    for page in folder.glob("*/index.html"):
        text = page.read_text()
        if POLICY not in text:
            policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            page.write_text(text.replace("<head>", f"<head>\n    {policy}", 1))
