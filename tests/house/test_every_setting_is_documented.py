"""Settings: each has a description, a line in docs/settings.md and, unless it is secret, a default."""

from __future__ import annotations

import re
import tomllib

from pydantic import BaseModel

from gateway.settings import Provider, Settings
from tests.house.settings_page import PAGE, page
from tests.shared import CHECKOUT

OWN = ("settings.py", "key_settings.py")
HOW_TO_MEND = "run `make docs` and commit docs/settings.md"


def sections() -> dict[str, type[BaseModel]]:
    found = {name: field.annotation for name, field in Settings.model_fields.items() if name != "env"}
    return {name: model for name, model in found.items() if isinstance(model, type)}


def test_the_page_is_the_one_that_the_settings_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), HOW_TO_MEND


def test_every_setting_says_what_it_is() -> None:
    for section, model in sections().items():
        assert model.__doc__, section
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), f"{section}.{name}"


def test_a_secret_has_no_default_in_any_file_and_says_that_it_is_one() -> None:
    files = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (CHECKOUT / "config").glob("*.toml")]
    for section, model in sections().items():
        for name, field in model.model_fields.items():
            secret = "Secret" in str(field.annotation)
            assert secret == (field.description or "").endswith("Secret."), f"{section}.{name}"
            assert not (secret and any(name in file.get(section, {}) for file in files)), f"{section}.{name}"


def test_only_what_may_be_left_out_has_its_default_in_the_code() -> None:
    """Every other default stands in config/default.toml and nowhere else."""
    defaults = tomllib.loads((CHECKOUT / "config" / "default.toml").read_text(encoding="utf-8"))
    for section, model in sections().items():
        in_file = set(defaults.get(section, {}))
        in_code = {name for name, field in model.model_fields.items() if not field.is_required()}
        assert in_file | in_code == set(model.model_fields), section
        assert in_file & in_code == set(), section


def test_every_setting_is_read_by_something() -> None:
    """A setting that nothing reads promises what isn't done."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("gateway", "config")
        for path in (CHECKOUT / folder).rglob("*.py")
        if path.name not in OWN
    )
    own = "\n".join((CHECKOUT / "gateway" / name).read_text(encoding="utf-8") for name in OWN)
    for section, model in [*sections().items(), ("sign_in.providers", Provider)]:
        fields: dict[str, object] = getattr(model, "model_fields")  # noqa: B009 - sections are given as plain objects
        for name in fields:
            read = re.search(rf"\.{name}\b", code) or re.search(rf"return .*self\.{name}\b", own)
            assert read, f"{section}.{name}"
