"""Every setting of an installation: read once, checked whole, unknown names refused."""

from __future__ import annotations

import os
import tomllib
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from gateway.errors import Misconfigured
from gateway.key_settings import KeySettings, key_rules

PREFIX = "GATEWAY_"
# Read from the environment by this module itself or by the tests, and no field of Settings.
_OTHER_NAMES = frozenset({"GATEWAY_CONFIG", "GATEWAY_SHARED"})
_MIN_SECRET = 32


class Environment(StrEnum):
    """What kind of installation this is; nothing unsafe is allowed in production."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Text = Annotated[str, Field(min_length=1)]


class StoreSettings(_Section):
    """The database."""

    url: Text = Field(description="Database: `sqlite:///file` or `postgresql://user@host/database`.")
    pool_size: int = Field(ge=1, le=200, description="Database connections that each worker keeps open.")
    pool_timeout_seconds: float = Field(
        gt=0, description="How long a request waits for a connection before it answers 503."
    )


class WebSettings(_Section):
    """The pages and the sessions behind them."""

    public_url: Text = Field(
        description="Address at which people reach the gateway, such as `https://gateway.example`."
    )
    session_key: SecretStr | None = Field(
        default=None,
        description="Secret that signs session cookies and forms, at least 32 characters. Secret.",
    )
    trusted_hosts: tuple[str, ...] = Field(
        description="Host names that requests may carry; others are refused."
    )
    proxies: int = Field(
        ge=0, le=3, description="How many proxies in front set X-Forwarded-For and X-Forwarded-Proto."
    )
    idle_minutes: int = Field(ge=1, le=60, description="Minutes without activity after which a session ends.")
    absolute_hours: int = Field(ge=1, le=12, description="Hours after which a session ends whatever happens.")
    exit_url: Text = Field(description="Neutral page to which `Exit this page` leads.")

    @property
    def idle(self) -> timedelta:
        """Give the idle limit of a session."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def absolute(self) -> timedelta:
        """Give the absolute limit of a session."""
        return timedelta(hours=self.absolute_hours)


class ServeSettings(_Section):
    """The workers that answer requests."""

    address: Text = Field(description="Address and port, or `unix:` socket, on which gunicorn listens.")
    workers: int = Field(ge=1, le=64, description="Worker processes; about one for each core.")
    threads: int = Field(ge=1, le=64, description="Threads in each worker.")


class Provider(_Section):
    """One OpenID Connect provider: an agency's own, or the partnership's for small charities."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="Short name used in the sign-in address.")
    label: Text = Field(description="Name shown on the sign-in page.")
    issuer: Text = Field(description="Issuer address; pinned, never taken from what the provider says.")
    client_id: Text = Field(description="Client id registered at the provider.")
    client_key_file: Path | None = Field(default=None, description="Private key (JWK) for `private_key_jwt`.")
    client_secret: SecretStr | None = Field(
        default=None, description="Client secret, where no key can be used. Secret."
    )
    required_acr: tuple[str, ...] = Field(
        default=(), description="Accepted authentication classes; empty accepts any."
    )
    for_partnership: bool = Field(
        default=False, description="Run by the partnership, for agencies that have no provider of their own."
    )


class SignInSettings(_Section):
    """How people prove who they are."""

    personas: bool = Field(
        description="Offer named personas instead of sign-in; only in the demo, only on loopback."
    )
    providers: tuple[Provider, ...] = Field(
        default=(), description="OpenID Connect providers, one table each."
    )


class LedgerSettings(_Section):
    """The ledger and those who watch it."""

    origin: Text = Field(description="Origin line of the checkpoints: names this ledger for ever.")
    witnesses: Path | None = Field(
        default=None, description="Witness policy file (C2SP tlog-policy); needed in production."
    )
    witness_lag_hours: float = Field(
        gt=0, le=24, description="Hours without a witness's signature after which releases stop."
    )
    sequencer_wait_seconds: float = Field(
        gt=0, description="How long a request waits for its index on PostgreSQL."
    )
    whole_check_minutes: float = Field(
        gt=0, le=1440, description="Minutes after which a worker checks the whole ledger again."
    )

    @property
    def witness_lag(self) -> timedelta:
        """Give how far witnessing may fall behind."""
        return timedelta(hours=self.witness_lag_hours)


class MailSettings(_Section):
    """Notices by e-mail: neutral text and a link, never a name."""

    host: str = Field(description="SMTP server; empty sends nothing.")
    port: int = Field(ge=1, le=65535, description="Port of the SMTP server.")
    starttls: bool = Field(description="Require STARTTLS; refused off in production.")
    username: str = Field(description="User name at the SMTP server; empty for none.")
    password: SecretStr | None = Field(default=None, description="Password at the SMTP server. Secret.")
    sender: Text = Field(description="Sender address of notices.")
    subject: Text = Field(description="Subject of every notice; the same for all, so that it tells nothing.")


class ObserveSettings(_Section):
    """Logs and numbers about the running."""

    log_level: str = Field(pattern="^(debug|info|warning|error)$", description="Least level that is logged.")
    metrics: bool = Field(description="Serve /metrics to loopback and to the addresses in `metrics_from`.")
    metrics_from: tuple[str, ...] = Field(description="Networks that may read /metrics.")


class PathSettings(_Section):
    """Where things lie."""

    var: Path = Field(description="Folder for what the gateway makes while it runs.")
    backups: Path = Field(description="Folder in which `gateway backup` puts its sets.")


class Settings(BaseSettings):
    """The settings of one installation.

    Made by `load`, in this order, later wins: `default.toml`, `<env>.toml` beside it, the file named by
    GATEWAY_CONFIG, and the environment (`GATEWAY_STORE__URL`).
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    env: Environment = Field(description="Kind of installation: `demo`, `test` or `production`.")
    store: StoreSettings
    keys: KeySettings
    serve: ServeSettings
    web: WebSettings
    sign_in: SignInSettings
    ledger: LedgerSettings
    mail: MailSettings
    observe: ObserveSettings
    paths: PathSettings

    @property
    def production(self) -> bool:
        """Tell whether this is a production installation."""
        return self.env is Environment.PRODUCTION

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` has laid together: files, environment, overrides."""
        return (init_settings,)


def load(*, env: Environment | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Give the settings from the files, then the environment, then `env` and `overrides`, which win.

    Raises Misconfigured with one sentence that names the setting and what to do: unknown names, wrong values, and
    whatever production lacks.
    """
    chosen = env or _chosen_environment()
    _refuse_unknown_names(Settings)
    try:
        named = EnvSettingsSource(Settings)()
        settings = Settings(**_merged(_layers(chosen), named, overrides or {}, {"env": chosen.value}))
    except ValidationError as error:
        raise _explained(error) from error
    except SettingsError as error:
        raise Misconfigured(
            f"{error}.", next_step="Write lists and tables in the environment as JSON."
        ) from error
    for problem in production_problems(settings):
        raise problem
    return settings


def shipped(folder: str) -> Path:
    """Give the path of a top-level folder such as `policies`: the checkout's, or the installed package's."""
    package = Path(__file__).resolve().parent
    for place in (package.parent / folder, package / "shipped" / folder):
        if place.is_dir():
            return place
    raise Misconfigured(f"The folder {folder} was not installed.", next_step="Install the gateway again.")


def production_problems(settings: Settings) -> list[Misconfigured]:
    """Give what keeps these settings from starting, each with what to do; empty when all is well."""
    if not settings.production:
        return _loopback_problems(settings)
    checks = (
        (
            settings.store.url.startswith("sqlite:///var/demo"),
            "store.url",
            "Name the database of this installation.",
        ),
        (
            _short(settings.web.session_key),
            "web.session_key",
            "Give at least 32 random characters (`openssl rand -hex 32`).",
        ),
        *key_rules(settings.keys),
        (not settings.sign_in.providers, "sign_in.providers", "Name at least one OpenID Connect provider."),
        (settings.sign_in.personas, "sign_in.personas", "Turn the demo personas off."),
        (
            settings.ledger.witnesses is None,
            "ledger.witnesses",
            "Name the witness policy file: nobody watches the ledger.",
        ),
        (
            not settings.web.public_url.startswith("https://"),
            "web.public_url",
            "Serve the gateway over https.",
        ),
        (not settings.web.trusted_hosts, "web.trusted_hosts", "Name the hosts that requests may carry."),
        (bool(settings.mail.host) and not settings.mail.starttls, "mail.starttls", "Require STARTTLS."),
    )
    return [_missing(name, remedy) for wrong, name, remedy in checks if wrong]


def _loopback_problems(settings: Settings) -> list[Misconfigured]:
    if settings.sign_in.personas and settings.env is not Environment.DEMO:
        return [_missing("sign_in.personas", "Personas are for the demo alone.")]
    return []


def _missing(name: str, remedy: str) -> Misconfigured:
    variable = PREFIX + name.upper().replace(".", "__")
    return Misconfigured(
        f"The setting {name} doesn't allow a start. {remedy}", next_step=f"Set {variable} or {name}."
    )


def _short(secret: SecretStr | None) -> bool:
    return secret is None or len(secret.get_secret_value()) < _MIN_SECRET


def _chosen_environment() -> Environment:
    named = os.environ.get("GATEWAY_ENV", "")
    if not named:
        raise Misconfigured(
            "GATEWAY_ENV is not set.",
            next_step="Set GATEWAY_ENV to demo or production; `make run` starts the demo.",
        )
    try:
        return Environment(named)
    except ValueError as error:
        raise Misconfigured(
            "GATEWAY_ENV is none of demo, test, production.", next_step="Set it to one of these."
        ) from error


def _layers(env: Environment) -> list[Path]:
    config = shipped("config")
    layers = [config / "default.toml"]
    if (config / f"{env}.toml").is_file():
        layers.append(config / f"{env}.toml")
    named = os.environ.get("GATEWAY_CONFIG", "")
    if named:
        layers.append(Path(named))
    return layers


def _merged(files: list[Path], *more: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for layer in [*map(_read, files), *more]:
        _lay(values, layer)
    return values


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(
            f"The settings file {path} can't be read.", next_step="Check GATEWAY_CONFIG."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"The settings file {path} isn't TOML: {error}.", next_step="Correct that line."
        ) from error


def _lay(below: dict[str, Any], above: dict[str, Any]) -> None:
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            _lay(below[name], value)
        else:
            below[name] = value


def _refuse_unknown_names(model: type[BaseModel]) -> None:
    # pydantic-settings passes over unknown variables; a misspelt safety setting must not be passed over.
    known = {PREFIX + name for name in _names(model)} | _OTHER_NAMES
    providers = PREFIX + "SIGN_IN__PROVIDERS"
    for name in sorted(os.environ):
        spelt = name.upper()
        if spelt.startswith(PREFIX) and spelt not in known and not spelt.startswith(providers):
            raise Misconfigured(
                f"The variable {name} is no setting.", next_step="Correct its spelling (docs/settings.md)."
            )


def _names(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= _names(inner, f"{prefix}{name.upper()}__")
        else:
            found.add(prefix + name.upper())
    return found


def _explained(error: ValidationError) -> Misconfigured:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return Misconfigured(
            f"There is no setting {name}.", next_step="Correct its spelling (docs/settings.md)."
        )
    return Misconfigured(f"The setting {name} is wrong: {first['msg']}.", next_step="See docs/settings.md.")
