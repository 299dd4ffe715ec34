"""Every page of the shell holds what every page must hold, and the check itself can fail."""

from __future__ import annotations

import pytest

from tests.web.pages import Web

OPEN_PAGES = ("/sign-in", "/sign-out", "/signed-out", "/accessibility", "/privacy", "/safety")


@pytest.mark.parametrize("url", OPEN_PAGES)
def test_open_pages_are_sound(web: Web, url: str) -> None:
    """A page that anybody may see passes every check."""
    web.page(url)
