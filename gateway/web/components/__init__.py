"""The parts every page is made of: macros under the name `c` in all templates, and the frame in page.html."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Flask
from jinja2 import (
    BytecodeCache,
    ChainableUndefined,
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
)
from jinja2.bccache import Bucket
from markupsafe import Markup
from wtforms import Field

from gateway.web.forms import field_kind

_FILES = ("fields", "lists", "status")


class _CompiledOnce(BytecodeCache):
    """Templates are compiled once in a process, however many applications it makes."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled before, unless the template changed since."""
        known = self._known.get(bucket.key)
        if known is not None:
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _CompiledOnce()


def use_components(app: Flask, folder: str) -> None:
    """Set up the templates of an application; `folder` holds the templates of the components.

    The GOV.UK macros read parameters that were never given, which is why an unknown name is empty here and no error.
    """
    app.jinja_options = {
        "undefined": ChainableUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "bytecode_cache": _COMPILED,
    }
    packages = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    app.jinja_loader = ChoiceLoader([FileSystemLoader(folder), packages])
    env = app.jinja_env
    # A slip in a template must not be able to print a secret.
    env.globals.pop("config", None)
    env.globals.update(field_kind=field_kind, choice_items=choice_items)


def gather_macros(app: Flask) -> None:
    """Make every macro of the components available as `c.<name>`; after the globals they read are set."""
    found: dict[str, Any] = {}
    for name in _FILES:
        module = app.jinja_env.get_template(f"components/{name}.html").module
        found.update({key: value for key, value in vars(module).items() if not key.startswith("_")})
    app.jinja_env.globals["c"] = SimpleNamespace(**found)


def choice_items(field: Field, conditional: dict[str, Markup] | None = None) -> list[dict[str, Any]]:
    """The items of radios, checkboxes or a select, with what was chosen; `conditional` holds what a choice reveals."""
    hints = getattr(field, "hints", {})
    chosen = {str(value) for value in field.data} if isinstance(field.data, list) else {str(field.data)}
    items = []
    for value, text, *_ in field.choices or ():
        selected = field.data is not None and str(value) in chosen
        item: dict[str, Any] = {"value": value, "text": text, "checked": selected, "selected": selected}
        if hints.get(value):
            item["hint"] = {"text": hints[value]}
        if conditional and value in conditional:
            item["conditional"] = {"html": conditional[value]}
        items.append(item)
    return items
