"""Writes docs/settings.md from the settings themselves: `make docs`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings import Provider, Settings
from tests.shared import CHECKOUT

PAGE = CHECKOUT / "docs" / "settings.md"
HEAD = """# Settings

Read in this order, later wins: `config/default.toml`, `config/<environment>.toml` where there is one, the file that
`GATEWAY_CONFIG` names, and environment variables. The variable of `store.url` is `GATEWAY_STORE__URL`; lists and
tables are written there as JSON. A name that is no setting, and a value that can't be, stop the start with a sentence
that names it. Secrets have no default, and production doesn't start without them.

This page is written by `make docs` from `gateway/settings.py` and `gateway/key_settings.py`; a test fails when it is
out of date.

| variable | what it is |
|---|---|
| `GATEWAY_ENV` | Kind of installation: `demo`, `test` or `production`. No default. |
| `GATEWAY_CONFIG` | A TOML file to lay over the defaults. |
"""


def page() -> str:
    """Give the whole page."""
    defaults = tomllib.loads((CHECKOUT / "config" / "default.toml").read_text(encoding="utf-8"))
    parts = [HEAD]
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            parts += section(name, field.annotation, defaults.get(name, {}))
    parts += [
        "\n## sign_in.providers\n",
        f"{Provider.__doc__}\n",
        *table(rows("sign_in.providers", Provider, {})),
    ]
    return "\n".join(parts).rstrip() + "\n"


def section(name: str, model: type[BaseModel], defaults: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield f"{model.__doc__}\n"
    yield from table(rows(name, model, defaults))


def table(lines: Iterator[tuple[str, str, str]]) -> Iterator[str]:
    yield "| setting | default | what it is |"
    yield "|---|---|---|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def rows(prefix: str, model: type[BaseModel], defaults: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        yield f"`{prefix}.{name}`", default(field, defaults.get(name)), field.description or ""


def default(field: FieldInfo, laid: Any) -> str:
    if laid is not None:
        return f"`{laid!r}`".replace("'", '"').replace("True", "true").replace("False", "false")
    if field.is_required():
        return "must be given"
    return "none" if type(None) in get_args(field.annotation) else "`[]`"


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
