"""The one frozen Settings record: environment (`TIEOUT_…`), `.env` and `tieout.toml`, read in bootstrap only."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from tieout import codec
from tieout.errors import InvalidInput
from tieout.model import Limit

WORKSPACE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"  # it names folders and rows
_LONGEST_LIMIT_KEY = 128  # as long as a step's
_LIMIT_WORDS = frozenset(field.name for field in fields(Limit))


class Settings(BaseSettings):
    """Everything that may differ between installations. Secrets are `SecretStr` and never logged.

    Precedence: constructor, environment, `.env`, `tieout.toml`, the defaults below.
    """

    model_config = SettingsConfigDict(
        env_prefix="TIEOUT_", env_file=".env", toml_file="tieout.toml", frozen=True, extra="ignore"
    )

    home: Path = Field(default=Path("~/.tieout"), description="The data folder.")
    profile: Literal["embedded", "team"] = "embedded"
    workspace: str = Field(default="default", pattern=WORKSPACE_NAME)
    principal: str = "local"

    database_url: SecretStr | None = Field(default=None, description="PostgreSQL, for the team profile.")
    redis_url: SecretStr | None = Field(default=None, description="Redis, for the team profile.")
    qdrant_url: str | None = Field(default=None, description="Qdrant server, for the team profile.")
    qdrant_api_key: SecretStr | None = None

    host: str = "127.0.0.1"
    port: int = Field(default=0, description="0 picks a free port.")
    public_url: str = Field(
        default="",
        description="Where browsers reach the service, as https://tieout.example.com; links in chats lead there.",
    )
    api_token: SecretStr | None = Field(default=None, description="The service's token; none makes a new one.")
    secret_key: SecretStr | None = Field(
        default=None,
        description="Seals what `tieout credentials set` keeps; several, the newest first, while they are rotated. "
        "None: `secret.key` in the data folder.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65_000,
        description="Where a process of `tieout worker` serves Prometheus: this port or the next free one; 0: nowhere.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="The address that port is on.")
    workers: int = Field(default=8, ge=1, le=64, description="Worker threads of the engine.")
    lease_s: float = Field(default=30.0, gt=1)
    limits: dict[str, Limit] = Field(
        default_factory=dict,
        description="How much may run at a time, by `workspace:NAME`, `workspace:*` (each that has no own) or a "
        "step's limit key (`model`): concurrency, per_s, burst. As JSON, or as tables in tieout.toml.",
    )

    retention_days: int | None = Field(
        default=None, ge=1, description="How long finished runs are kept; none: for ever."
    )

    model_base_url: str | None = Field(default=None, description="An OpenAI-compatible endpoint, with /v1.")
    model_api_key: SecretStr | None = None
    model: str | None = Field(default=None, description="The model's name; none means the extractive writer.")
    model_timeout_s: float = 60.0
    model_max_retries: int = 3
    model_max_tokens: int = 4000
    model_price_in: Decimal = Field(default=Decimal(0), description="Cost of a million input tokens.")
    model_price_out: Decimal = Field(default=Decimal(0), description="Cost of a million output tokens.")
    token_budget: int = Field(default=200_000, description="Tokens that one run may use.")
    money_budget: Decimal = Field(default=Decimal("1.00"), description="What one run may cost.")

    slack_bot_token: SecretStr | None = Field(default=None, description="xoxb-…, with which tieout speaks in Slack.")
    slack_app_token: SecretStr | None = Field(default=None, description="xapp-…, for Socket Mode.")
    slack_signing_secret: SecretStr | None = Field(default=None, description="For events over HTTP instead.")
    slack_api_url: str = Field(default="https://slack.com/api/", description="Where Slack's Web API is.")
    discord_token: SecretStr | None = Field(default=None, description="The bot's token.")
    discord_api_url: str = Field(default="https://discord.com/api/v10", description="Where Discord's API is.")
    chat_workspaces: dict[str, str] = Field(
        default_factory=dict,
        description="JSON: the workspaces of channels and teams (slack/T1/C1, discord/GUILD), where not `workspace`.",
    )
    chat_progress_s: float = Field(default=1.5, ge=0.05, description="Seconds between edits of a progress message.")

    embeddings: Literal["static", "fastembed", "openai"] = "static"
    embedding_model: str | None = Field(default=None, description="The model's name, for fastembed and openai.")
    embedding_dimensions: int | None = Field(default=None, ge=1, description="The length of that model's vectors.")
    embedding_base_url: str | None = Field(default=None, description="Default: where the model is served.")
    embedding_api_key: SecretStr | None = None
    log_level: str = "WARNING"

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str) -> str:
        """Refuse what is no address of a whole host."""
        if url and not re.fullmatch(r"https?://[^/?#@\s]+/?", url):
            raise ValueError("public_url is an address like https://tieout.example.com, without a path")
        return url.rstrip("/")

    @field_validator("limits", mode="before")
    @classmethod
    def _check_limits(cls, limits: Any) -> Any:
        """Refuse what would silently limit nothing: keys of no workspace, and words that a limit does not have."""
        if not isinstance(limits, dict):
            return limits
        for key, limit in limits.items():
            name = str(key).removeprefix("workspace:")
            if str(key).startswith("workspace:") and name != "*" and not re.fullmatch(WORKSPACE_NAME, name):
                raise ValueError("a limit's key is workspace:NAME, workspace:* or the limit key of steps")
            if not (str(key).isprintable() and 0 < len(str(key)) <= _LONGEST_LIMIT_KEY):
                raise ValueError(f"a limit's key has 1 to {_LONGEST_LIMIT_KEY} printable characters")
            unknown = sorted(set(limit) - _LIMIT_WORDS) if isinstance(limit, dict) else []
            if unknown:
                raise ValueError(f"a limit has {', '.join(sorted(_LIMIT_WORDS))}, and no {unknown[0]!r}")
        return limits

    @field_validator("limits")
    @classmethod
    def _check_rates(cls, limits: dict[str, Limit]) -> dict[str, Limit]:
        """Refuse rates that no bucket is filled with: JSON and TOML know NaN and infinity here."""
        if not all(limit.per_s is None or math.isfinite(limit.per_s) for limit in limits.values()):
            raise ValueError("a limit's per_s is a number")
        return limits

    @property
    def folder(self) -> Path:
        """The data folder with `~` resolved."""
        return self.home.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put `tieout.toml` below `.env`."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(**given: Any) -> Settings:
    """Return the settings of this process; `given` comes before environment, `.env` and `tieout.toml`.

    Raises InvalidInput naming the setting and what is wrong with it, never its value: it may be a secret.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name, *inside = (str(part) for part in first["loc"])
        where = f" {' '.join(inside)}:" if inside else ""
        wrong = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(f"The setting TIEOUT_{name.upper()} ({name} in tieout.toml):{where} {wrong}.") from error
    except SettingsError as error:
        raise InvalidInput(f"The setting TIEOUT_{_field_of(error).upper()} must be JSON.") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"tieout.toml in {Path.cwd()} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The settings of {Path.cwd()} (.env, tieout.toml) cannot be read: {error}.") from error
    if settings.profile == "team" and settings.database_url is None:
        raise InvalidInput("The team profile needs TIEOUT_DATABASE_URL (PostgreSQL).")
    if settings.model is not None and settings.model_base_url is None:
        raise InvalidInput("TIEOUT_MODEL is set but not where it is served; set TIEOUT_MODEL_BASE_URL, too.")
    if settings.embeddings == "openai" and None in (settings.embedding_model, settings.embedding_dimensions):
        raise InvalidInput("Embeddings over HTTP need TIEOUT_EMBEDDING_MODEL and TIEOUT_EMBEDDING_DIMENSIONS.")
    if settings.embeddings == "openai" and not (settings.embedding_base_url or settings.model_base_url):
        raise InvalidInput("Embeddings over HTTP need TIEOUT_EMBEDDING_BASE_URL: texts are sent to no default address.")
    return settings


def _field_of(error: SettingsError) -> str:
    """Return the name of the field that an environment variable or `.env` could not be read for."""
    named = re.search(r'field "(\w+)"', str(error))
    return named[1] if named else "…"


def masked(settings: Settings) -> dict[str, Any]:
    """Return the settings as JSON values for people: secrets as asterisks, passwords cut out of URLs."""
    shown: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            shown[name] = "********"
        elif isinstance(value, str) and "://" in value:
            shown[name] = without_credentials(value)
        elif name == "limits":
            shown[name] = codec.dump(value, dict[str, Limit])
        else:
            shown[name] = value if isinstance(value, int | float | None) else str(value)
    return shown


def without_credentials(url: str) -> str:
    """Return a URL without user, password and query, for people and logs."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
