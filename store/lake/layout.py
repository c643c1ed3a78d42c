"""Works out what a price file's columns are: wide, long, or one ticker's OHLCV, and which price contract they keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from zoneinfo import ZoneInfo

from store.lake.reader import RawTable
from store.lake.schema import ADJUSTMENTS
from tieout.errors import InvalidInput, RefusedFile
from tieout.ports import ImportOptions

_ROLES = {
    "date": "date", "day": "date", "datetime": "date", "timestamp": "date", "time": "date", "trade date": "date",
    "ticker": "ticker", "symbol": "ticker",
    "open": "open", "open price": "open", "high": "high", "high price": "high", "low": "low", "low price": "low",
    "close": "close", "close price": "close", "closing price": "close", "price": "close", "last": "close",
    "adj close": "adj_close", "adjclose": "adj_close", "adjusted": "adj_close", "adjusted close": "adj_close",
    "adjusted close price": "adj_close", "adj close price": "adj_close", "close adj": "adj_close",
    "close adjusted": "adj_close",
    "volume": "volume", "vol": "volume", "currency": "currency", "known on": "known_on",
    "dividends": "ignored", "dividend": "ignored", "stock splits": "ignored", "split ratio": "ignored",
    "capital gains": "ignored",
}  # fmt: skip
_TICKER = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-=]{0,14}")
_FILE_TICKER = re.compile(r"[A-Z]{1,5}(?:[.\-][A-Z]{1,2})?")
_ADJUSTED = re.compile(r"(?<![a-z])adj(usted)?(?![a-z])")


@dataclass(frozen=True)
class Layout:
    """How to read a file: its kind, its columns by role (for wide also by ticker), and the contract of its series.

    `close` and `adj_close` are the adjustments of those two columns; None when the file has no such column.
    """

    kind: str  # wide | long | ohlcv
    roles: Mapping[str, str]  # role → column
    tickers: Mapping[str, str]  # wide: ticker → column
    ticker: str | None
    vendor: str
    currency: str
    time_zone: str
    close: str | None
    adj_close: str | None


def is_ticker(text: str) -> bool:
    """Whether the text can be a ticker: letters, digits and . - = ^, at most 15, upper case."""
    return _TICKER.fullmatch(text) is not None


def detect(raw: RawTable, options: ImportOptions) -> Layout:
    """Return the layout. Raises RefusedFile for columns that make no sense, InvalidInput for what must be told."""
    roles = _roles(raw)
    ticker = _option_ticker(options.ticker or raw.contract.get("ticker"))
    priced = "close" in roles or "adj_close" in roles
    kind = "long" if "ticker" in roles else "ohlcv" if priced else "wide"
    if "date" not in roles:
        raise RefusedFile(f"{raw.name}: no column is named date, day or timestamp (it has {_some(raw.header)})")
    if kind == "long" and not priced:
        raise RefusedFile(f"{raw.name}: no column is named close or adj_close (it has {_some(raw.header)})")
    tickers = _wide_tickers(raw, roles) if kind == "wide" else {}
    if kind == "ohlcv":
        ticker = ticker or _file_ticker(raw.name)
    adjustment = _checked(options.adjustment or raw.contract.get("adjustment"))
    close, adj_close = _adjustments(raw, kind, roles, adjustment)
    return Layout(
        kind=kind,
        roles=roles,
        tickers=tickers,
        ticker=ticker,
        vendor=_vendor(options.vendor or raw.contract.get("vendor"), raw.name),
        currency=_currency(options.currency),
        time_zone=_time_zone(options.time_zone),
        close=close,
        adj_close=adj_close,
    )


def _roles(raw: RawTable) -> dict[str, str]:
    roles: dict[str, str] = {}
    for index, column in enumerate(raw.header):
        plain = re.sub(r"[\s_\-./]+", " ", column.lower()).strip()
        role = _ROLES.get(plain)
        if role is None and index == 0 and plain in ("", "index", "unnamed: 0", "index level 0"):
            role = "date"  # a saved data frame's index
        if role is None or role == "ignored":
            continue
        if role in roles:
            raise RefusedFile(f"{raw.name}: both {roles[role]!r} and {column!r} look like the {role} column")
        roles[role] = column
    return roles


def _wide_tickers(raw: RawTable, roles: Mapping[str, str]) -> dict[str, str]:
    tickers: dict[str, str] = {}
    for column in raw.header:
        if column == roles["date"]:
            continue
        ticker = column.upper()
        if not is_ticker(ticker):
            raise RefusedFile(
                f"{raw.name}: column {column[:40]!r} is neither a ticker nor a known column (date, open, high, low, "
                "close, adj_close, volume, ticker)"
            )
        if ticker in tickers:
            raise RefusedFile(f"{raw.name}: columns {tickers[ticker]!r} and {column!r} are the same ticker")
        tickers[ticker] = column
    if not tickers:
        raise RefusedFile(f"{raw.name}: there is no price column beside the date")
    return tickers


def _adjustments(
    raw: RawTable, kind: str, roles: Mapping[str, str], adjustment: str | None
) -> tuple[str | None, str | None]:
    if "close" in roles and "adj_close" in roles:
        if adjustment == "splits_dividends":
            raise InvalidInput(
                f"{raw.name} has both a close and an adjusted close: the option names what its close is adjusted for, "
                "'none' or 'splits'"
            )
        # Vendors of this layout publish a Close that is adjusted for splits only, and an Adj Close for both.
        return adjustment or "splits", "splits_dividends"
    if "adj_close" in roles:
        return None, adjustment or "splits_dividends"
    named = PurePath(raw.name).stem.lower().replace("_", " ")
    if adjustment is None and kind != "ohlcv" and _ADJUSTED.search(named):
        adjustment = "splits_dividends"
    if adjustment is None:
        raise InvalidInput(
            f"{raw.name} does not say what its prices are adjusted for: give the adjustment, 'none', 'splits' or "
            "'splits_dividends' (an adjusted close)"
        )
    return adjustment, None


def _option_ticker(text: str | None) -> str | None:
    if text is None:
        return None
    ticker = text.strip().upper()
    if not is_ticker(ticker):
        raise InvalidInput(f"{text[:40]!r} is not a ticker: use letters, digits and . - = ^, at most 15")
    return ticker


def _file_ticker(name: str) -> str:
    first = re.split(r"[_ ]", PurePath(name).stem)[0]
    if not _FILE_TICKER.fullmatch(first):
        raise InvalidInput(f"{name} holds one ticker's bars and does not say whose: give the ticker")
    return first


def _checked(adjustment: str | None) -> str | None:
    if adjustment is not None and adjustment not in ADJUSTMENTS:
        raise InvalidInput(f"{adjustment[:40]!r} is no adjustment: use one of {', '.join(ADJUSTMENTS)}")
    return adjustment


def _vendor(text: str | None, name: str) -> str:
    if text is None:
        return re.sub(r"[^a-z0-9._-]+", "_", PurePath(name).stem.lower()).strip("._-")[:64] or "file"
    vendor = text.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9 ._-]{0,63}", vendor):
        raise InvalidInput(f"{text[:40]!r} cannot name a vendor: use letters, digits, space and . _ -, at most 64")
    return vendor


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise InvalidInput(f"{text[:40]!r} is not a currency code such as USD")
    return text


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{text[:40]!r} is not a time zone such as America/New_York") from error
    return text


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
