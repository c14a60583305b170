"""Settings: given in code, in the environment or in freerouter.toml, and checked when they are loaded."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from freerouter.errors import SettingsError
from freerouter.preferences import SHARPNESS, Prefer, Train, prefer_word, sharpness_number
from freerouter.settings import trusted_folders
from freerouter.settings.sources import EnvironmentSource, FileSource, files, read, unknown, where_set
from freerouter.settings.values import (
    DEFAULT_UPSTREAM,
    ApiKey,
    BaseUrl,
    ClientKeys,
    FolderList,
    LogFormat,
    LogLevel,
    NameList,
    PairList,
    RedisUrl,
    SecretList,
    SharedState,
    Sticky,
)
from freerouter.spelling import did_you_mean

# Guards and classifiers do not answer a chat ("User Safety: safe"); models that only read text in images do not either.
DEFAULT_EXCLUDE = ("*guard*", "*content-safety*", "*moderation*", "*-ocr*")

_WORDS = re.compile(r"'([^']+)'")


class Settings(BaseSettings):
    """All settings: arguments win over ``FREEROUTER_<NAME>`` in the environment, which wins over the files.

    The files are ``freerouter.toml`` in the working folder, then the one in the user's config folder.

    Raises:
        SettingsError: names the setting and what is wrong with it; for an unknown one, the nearest valid name.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    api_key: ApiKey = Field(
        default=None,
        description="OpenRouter's key, used where a request brings none of its own.",
    )
    upstream: BaseUrl = Field(
        default=DEFAULT_UPSTREAM, description="Base URL of OpenRouter's API; https unless it is this machine."
    )
    include: NameList = Field(default=(), description="Glob patterns of model ids to draw from; none means all.")
    exclude: NameList = Field(
        default=(), description="Glob patterns of model ids never to draw, besides guards; wins over include."
    )
    exclude_defaults: bool = Field(default=True, description="Never draw guards, classifiers and OCR models.")
    authors: NameList = Field(
        default=(), description="Authors (the part before the slash) to draw from; none means all."
    )
    min_context: int = Field(default=0, ge=0, description="Tokens of context that a model must have to be drawn.")
    prefer: Annotated[Prefer, BeforeValidator(prefer_word)] = Field(
        default="uniform",
        description="What counts in a draw: uniform, quality, coding, agentic, fast, large or reliable.",
    )
    sharpness: Annotated[float, BeforeValidator(sharpness_number)] = Field(
        default=SHARPNESS, description="How much prefer counts: 0 is uniform, inf always takes the best one."
    )
    train: Train = Field(default="allow", description="deny leaves out models that may train on prompts.")
    seed: int | None = Field(default=None, description="Makes the draws repeatable.")
    max_attempts: PositiveInt = Field(default=5, description="Models asked for one request at most.")
    first_token_timeout: PositiveFloat = Field(default=60, description="Seconds until a stream's first token.")
    idle_timeout: PositiveFloat = Field(default=60, description="Seconds between the chunks of a stream.")
    stream_timeout: PositiveFloat = Field(default=1800, description="Seconds that a stream may take once it has begun.")
    reply_timeout: PositiveFloat = Field(default=180, description="Seconds for an answer that is not streamed.")
    deadline: PositiveFloat = Field(default=300, description="Seconds until an answer begins, all attempts together.")
    requests_per_minute: PositiveInt = Field(default=20, description="Requests sent in any 60 seconds at most.")
    max_wait: float = Field(default=0, ge=0, description="Seconds to wait for the minute's allowance before failing.")
    exhausted_status: int = Field(
        default=403, ge=400, le=499, description="Status of the server's answers once the day's requests are used up."
    )
    sticky: Sticky = Field(
        default="auto",
        description="Which conversations stay on their model: auto (all), session (those with an id), off.",
    )
    accept: bool = Field(
        default=False,
        description="Take only answers that fit the JSON, schema and tools asked for; streams wait until whole.",
    )
    model_map: PairList = Field(
        default=(), description="Names to take for others, as glob=name: claude-*=openrouter/free."
    )
    catalog_age: PositiveFloat = Field(default=300, description="Seconds until the list of models is fetched anew.")
    account_models: bool = Field(
        default=False, description="Read the models that the account's privacy settings allow (needs the key)."
    )
    bodies_in_flight: PositiveInt = Field(
        default=2**30, description="Bytes of request bodies that the server holds at any time at most."
    )
    cache_dir: str | None = Field(
        default=None, description="Folder for the copy of the list of models; the platform's cache folder by default."
    )
    shared_state: SharedState = Field(
        default="auto",
        description="Where processes share the account's limits: auto (redis_url, or else a file), off, or Redis' URL.",
    )
    redis_url: RedisUrl = Field(default=None, description="URL of Redis or Valkey, for shared_state auto.")
    trusted_folders: FolderList = Field(
        default=(),
        description="Folders whose freerouter.toml may set upstream and api_key; path/* means all below.",
    )

    # The options of ``freerouter serve``.
    serve_host: str = Field(
        default="127.0.0.1", description="Address to listen on; any but this machine's needs a token."
    )
    serve_port: int = Field(default=8788, ge=0, le=65535, description="Port to listen on; 0 for any that is free.")
    serve_workers: PositiveInt = Field(default=1, description="Processes that serve the port together.")
    serve_token: SecretList = Field(
        default=(), description="What clients send as their API key, as token or name=token."
    )
    serve_token_file: str | None = Field(default=None, description="File with tokens, one a line.")
    serve_token_limit: PositiveInt | None = Field(
        default=None, description="Requests a minute that each token may send."
    )
    serve_key_file: str | None = Field(default=None, description="File with OpenRouter's key.")
    serve_client_keys: ClientKeys = Field(default="off", description="Whose key goes upstream: off means the server's.")
    serve_cors: NameList = Field(default=(), description="Origins of web pages that may use the server.")
    serve_host_name: NameList = Field(default=(), description="Names and networks by which clients reach the server.")
    serve_emulate: bool = Field(default=False, description="Send to an emulated OpenRouter.")
    serve_show_content: bool = Field(
        default=False, description="Show the beginning of each request's last message in the window."
    )
    serve_json: bool = Field(default=False, description="Say for machines where the server is.")
    serve_log_format: LogFormat = Field(default="text", description="How the server logs: text or json.")
    serve_log_level: LogLevel = Field(
        default="info", description="debug: each attempt; info: a line a request; warning, error: what goes wrong."
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error, values)) from None
        folder_file, user_file = files()
        trusted_folders.check_file(
            folder_file, read(folder_file, type(self).model_fields), self.trusted_folders, user_file
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # would take API_KEY, which any program may use
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic passes it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources; an earlier one wins over a later one."""
        return init_settings, EnvironmentSource(settings_cls), *(FileSource(settings_cls, path) for path in files())

    @classmethod
    def adjusted(cls, settings: Settings | None, **overrides: Any) -> Settings:
        """These settings (by default those of the environment), replaced by each value that is not None."""
        given = {name: value for name, value in overrides.items() if value is not None}
        if settings is None:
            return cls(**given)
        return cls(**{**settings.model_dump(exclude_unset=True), **given}) if given else settings

    @property
    def aliases(self) -> tuple[tuple[str, str], ...]:
        """The pairs of ``model_map``."""
        return tuple((pattern, name) for pattern, _, name in (item.partition("=") for item in self.model_map))

    @property
    def redis(self) -> str | None:
        """The URL of Redis in clear text; None without one."""
        url = self.shared_state if isinstance(self.shared_state, SecretStr) else self.redis_url
        return None if url is None or self.shared_state == "off" else url.get_secret_value()

    @property
    def key(self) -> str | None:
        """The key in clear text, only for the Authorization header."""
        return None if self.api_key is None else self.api_key.get_secret_value()


def _explain(error: ValidationError, given: dict[str, Any]) -> str:
    details = error.errors(include_url=False)
    return "; ".join(_explain_one(detail, given) for detail in details)


def _explain_one(detail: Any, given: dict[str, Any]) -> str:
    name = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        return unknown(name, Settings.model_fields)
    source = where_set(name, Settings.model_fields, given)
    place = "" if source == "argument" else f" ({source})"
    return f"setting {name!r}{place}: {detail['msg'].removeprefix('Value error, ')}{_nearest_word(detail)}"


def _nearest_word(detail: Any) -> str:
    """For a value that is none of a setting's words: the nearest one. Such a value is no secret."""
    is_word = detail["type"] == "literal_error" and isinstance(detail["input"], str)
    return did_you_mean(detail["input"], _WORDS.findall(detail["ctx"]["expected"])) if is_word else ""
