"""Settings: production doesn't start without what keeps it safe, and nothing misspelt is passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Misconfigured
from gateway.settings import Environment, load, production_problems

SAFE: dict[str, Any] = {
    "store": {"url": "postgresql://gateway@db.example/gateway"},
    "keys": {"pkcs11_module": "/usr/lib/hsm.so", "pkcs11_token": "gateway", "pkcs11_pin": "123456"},
    "web": {
        "session_key": "x" * 32,
        "public_url": "https://gateway.example",
        "trusted_hosts": ["gateway.example"],
    },
    "sign_in": {
        "providers": [
            {"id": "police", "label": "Police", "issuer": "https://i.example", "client_id": "gateway"}
        ]
    },
    "ledger": {"witnesses": "/etc/gateway/witnesses.policy"},
}
UNSAFE: dict[str, list[Any]] = {
    "web.session_key": ["x" * 31, None],
    "keys.root_provider": ["file"],
    "keys.pkcs11_module": [""],
    "keys.pkcs11_token": [""],
    "keys.pkcs11_pin": [None],
    "sign_in.providers": [[]],
    "sign_in.personas": [True],
    "ledger.witnesses": [None],
    "web.public_url": ["http://gateway.example"],
    "web.trusted_hosts": [[]],
}


def production(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    settings = {section: dict(values) for section, values in SAFE.items()}
    for name, value in (changes or {}).items():
        section, _, key = name.partition(".")
        settings.setdefault(section, {})[key] = value
    return settings


def test_a_safe_production_starts() -> None:
    assert production_problems(load(env=Environment.PRODUCTION, overrides=production())) == []


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in UNSAFE.items() for value in values]
)
def test_one_unsafe_setting_stops_the_start_in_one_sentence_that_names_it(name: str, value: object) -> None:
    with pytest.raises(Misconfigured) as stopped:
        load(env=Environment.PRODUCTION, overrides=production({name: value}))
    section = name.split(".", maxsplit=1)[0]
    assert f"The setting {section}." in stopped.value.message
    assert f"GATEWAY_{section.upper()}__" in stopped.value.next_step


def test_mail_in_the_clear_stops_the_start() -> None:
    unsafe = production({"mail.host": "smtp.example", "mail.starttls": False})
    with pytest.raises(Misconfigured, match=r"mail\.starttls"):
        load(env=Environment.PRODUCTION, overrides=unsafe)


APART = {
    "keys.ledger_provider": "pkcs11",
    "keys.ledger_token": "log",
    "keys.ledger_pin": "246810",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keys.ledger_token", ""),
        ("keys.ledger_token", "gateway"),
        ("keys.ledger_pin", None),
        ("keys.ledger_pin", "123456"),
    ],
)
def test_nobody_keeps_both_the_root_key_and_the_logs(name: str, value: object) -> None:
    """A token has one PIN: in another token, with a PIN of its own, the log's key can have another keeper."""
    assert load(env=Environment.PRODUCTION, overrides=production(APART)).production
    another_module = APART | {"keys.ledger_module": "/usr/lib/other.so", "keys.ledger_token": "gateway"}
    assert load(env=Environment.PRODUCTION, overrides=production(another_module)).production
    with pytest.raises(Misconfigured, match=name):
        load(env=Environment.PRODUCTION, overrides=production(APART | {name: value}))


def test_no_environment_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_ENV", raising=False)
    with pytest.raises(Misconfigured, match="GATEWAY_ENV is not set"):
        load()
    monkeypatch.setenv("GATEWAY_ENV", "staging")
    with pytest.raises(Misconfigured, match="none of demo, test, production"):
        load()


def test_personas_are_for_the_demo_alone() -> None:
    assert load(env=Environment.DEMO).sign_in.personas
    with pytest.raises(Misconfigured, match="demo alone"):
        load(env=Environment.TEST, overrides={"sign_in": {"personas": True}})


@pytest.mark.parametrize(
    "name", ["GATEWAY_STOR__URL", "GATEWAY_STORE__URLS", "GATEWAY_WEB__SESSIONKEY", "gateway_x"]
)
def test_a_variable_that_is_no_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(Misconfigured, match=name):
        load(env=Environment.DEMO)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[store]\nurls = 'x'", "There is no setting store.urls"),
        ("[shop]\nurl = 'x'", "There is no setting shop"),
        ("[web]\nidle_minutes = 0", "The setting web.idle_minutes is wrong"),
        ("[web]\nidle_minutes = 'soon'", "The setting web.idle_minutes is wrong"),
        ("[web\n", "isn't TOML"),
    ],
)
def test_a_file_with_a_mistake_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, match: str
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "mine.toml"))
    with pytest.raises(Misconfigured, match=match):
        load(env=Environment.DEMO)


def test_a_file_that_is_not_there_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(Misconfigured, match="can't be read"):
        load(env=Environment.DEMO)


def test_later_layers_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(env=Environment.DEMO).web.idle_minutes == 15
    (tmp_path / "mine.toml").write_text("[web]\nidle_minutes = 10\nabsolute_hours = 4\n")
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "mine.toml"))
    monkeypatch.setenv("GATEWAY_WEB__IDLE_MINUTES", "5")
    monkeypatch.setenv("GATEWAY_WEB__TRUSTED_HOSTS", '["one.example"]')
    laid = load(env=Environment.DEMO).web
    assert (laid.idle_minutes, laid.absolute_hours, laid.trusted_hosts) == (5, 4, ("one.example",))


def test_secrets_do_not_show_when_the_settings_are_printed() -> None:
    printed = repr(load(env=Environment.PRODUCTION, overrides=production()))
    assert "x" * 32 not in printed
    assert "123456" not in printed


def test_the_production_example_lacks_only_what_must_not_be_in_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = Path(__file__).parents[2] / "config" / "production.example.toml"
    monkeypatch.setenv("GATEWAY_CONFIG", str(example))
    with pytest.raises(Misconfigured, match=r"web\.session_key"):
        load(env=Environment.PRODUCTION)
    monkeypatch.setenv("GATEWAY_WEB__SESSION_KEY", "x" * 32)
    with pytest.raises(Misconfigured, match=r"keys\.pkcs11_pin"):
        load(env=Environment.PRODUCTION)
    monkeypatch.setenv("GATEWAY_KEYS__PKCS11_PIN", "123456")
    for pin in ("", "123456"):
        if pin:
            monkeypatch.setenv("GATEWAY_KEYS__LEDGER_PIN", pin)
        with pytest.raises(Misconfigured, match=r"keys\.ledger_pin"):
            load(env=Environment.PRODUCTION)
    monkeypatch.setenv("GATEWAY_KEYS__LEDGER_PIN", "246810")
    assert load(env=Environment.PRODUCTION).production
