"""What the service accepts: request bodies, checked before anything acts on them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tieout.model import NumberStatus, RunState


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunBody(_Body):
    """A request for a run. The idempotency key travels in the header of that name."""

    question: str
    agent: str = "research"
    tickers: tuple[str, ...] = Field(default=(), max_length=50)
    as_of: date | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    door: str = Field(default="api", max_length=50)
    token_budget: int | None = Field(default=None, ge=0)
    money_budget: Decimal | None = Field(default=None, ge=0)
    priority: int = Field(default=0, ge=-100, le=100)


class ReplayBody(_Body):
    """From which step to replay a run (none: what has no result), and whether to send again what was sent."""

    step: str | None = None
    redeliver: bool = False


class ReplayManyBody(_Body):
    """Which runs to replay; what is left out means any. With `dry_run` they are only named."""

    states: tuple[RunState, ...] = ()
    agent: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    dry_run: bool = False


class DecideBody(_Body):
    """A person's decision about a wait; its name may hold any character, so it stands here and not in the path."""

    name: str
    decision: str
    draft_sha256: str | None = Field(default=None, max_length=64)
    reason: str = ""


class CorrectionBody(_Body):
    """What a person found about a number of a report: `source` is the fact or span that it ties to, when it does."""

    number: int = Field(ge=1)
    status: NumberStatus
    reason: str
    source: str = ""


class SignalBody(_Body):
    """What happened outside."""

    payload: dict[str, Any] = Field(default_factory=dict)


class IngestBody(_Body):
    """Files and folders of the service's own machine, as absolute paths."""

    paths: tuple[str, ...] = Field(min_length=1, max_length=10_000)


class SearchBody(_Body):
    """A search of the library."""

    query: str
    limit: int = 10
    document: str | None = None


class CheckBody(_Body):
    """A text to tie out, with files of the service's own machine that it may rest on."""

    text: str
    documents: tuple[str, ...] = Field(default=(), max_length=1_000)
    tickers: tuple[str, ...] = Field(default=(), max_length=50)


class OptionsBody(_Body):
    """What a price file does not say itself."""

    ticker: str | None = None
    vendor: str | None = None
    adjustment: str | None = None
    currency: str = "USD"
    time_zone: str = "America/New_York"
    known_on: date | None = None
    replace: bool = False


class ImportBody(_Body):
    """A price file of the service's own machine."""

    path: str
    options: OptionsBody = OptionsBody()


class BarQuery(_Body):
    """Which bars to show, both days included; what is left out means any."""

    tickers: tuple[str, ...] = Field(default=(), max_length=50)
    vendor: str | None = None
    adjustment: str | None = None
    start: date | None = None
    end: date | None = None
    least_volume: float | None = None
    sort: str = "day"
    descending: bool = True
    limit: int = Field(default=100, ge=1, le=10_000)
    offset: int = Field(default=0, ge=0, le=1_000_000_000)


class ScreenQuery(_Body):
    """Which series to show by what their closes did; what is left out means any."""

    vendor: str | None = None
    adjustment: str | None = None
    start: date | None = None
    end: date | None = None
    least_return: float | None = None
    most_volatility: float | None = None
    most_drawdown: float | None = None
    sort: str = "total_return"
    descending: bool = True
    limit: int = Field(default=100, ge=1, le=10_000)
