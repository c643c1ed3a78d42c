"""Carries requests to a running service: authorisation, the caller's headers, errors by name, event streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from tieout import errors
from tieout.errors import InvalidInput, NotAvailable, TieoutError
from tieout.model import Principal


class HttpTransport:
    """One service's connections. The class of a noun inherits from this one and adds its use cases."""

    def __init__(
        self, url: str, token: str, *, reports: Path = Path("reports"), transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url
        self._reports = reports
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(None, connect=5.0),
            trust_env=False,  # loopback never goes through a proxy
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, method: str, path: str, principal: Principal, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **_prepared(principal, options))
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{error.object!r} holds bytes that are not UTF-8 text; type it again.") from error
        raise_problem(response)
        return response

    def _json(self, method: str, path: str, principal: Principal, **options: Any) -> Any:
        return self._send(method, path, principal, **options).json()

    @contextmanager
    def _stream(self, method: str, path: str, principal: Principal, **options: Any) -> Iterator[Iterator[str]]:
        try:
            with self._http.stream(method, path, **_prepared(principal, options)) as response:
                raise_problem(response)
                yield response.iter_lines()
        except httpx.HTTPError as error:
            raise self._gone(error) from error

    def _gone(self, error: httpx.HTTPError) -> NotAvailable:
        return NotAvailable(
            f"The service at {self.url} does not answer ({type(error).__name__}). "
            "If `tieout up` has stopped, run the command again; it then opens the data folder itself.",
        )


def read_sse(lines: Iterable[str]) -> Iterator[str]:
    """Yield the data of each complete server-sent event; comments and a torn last event are dropped."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def problem_error(problem: Mapping[str, Any]) -> TieoutError:
    """Return the error of our tree that a problem-details object stands for."""
    kind = getattr(errors, str(problem.get("kind", "")), TieoutError)
    known = kind if isinstance(kind, type) and issubclass(kind, TieoutError) else TieoutError
    details = problem.get("details")
    error = known(str(problem.get("detail") or problem.get("title") or "The service failed without saying why."))
    error.details = dict(details) if isinstance(details, Mapping) else {}
    return error


def raise_problem(response: httpx.Response) -> None:
    """Raise the error that an unsuccessful response stands for."""
    if response.is_success:
        return
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, Mapping) or "detail" not in problem:
        problem = {"detail": f"The service answered {response.status_code} {response.reason_phrase}."}
    raise problem_error(problem)


def _prepared(principal: Principal, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's options with the principal's headers and the body as JSON in ASCII.

    A file name that is not UTF-8 holds lone surrogates, which only an escape can carry.
    """
    prepared = dict(options)
    headers = principal_headers(principal) | prepared.pop("headers", {})
    if "json" in prepared:
        headers["Content-Type"] = "application/json"
        prepared["content"] = json.dumps(prepared.pop("json"), allow_nan=False)
    return prepared | {"headers": headers}


def principal_headers(principal: Principal) -> dict[str, str]:
    """Return the headers that say for whom a request is."""
    return {
        "Tieout-Principal": quote(principal.id, errors="replace"),  # a header is ASCII
        "Tieout-Workspace": quote(principal.workspace),
        "Tieout-Role": principal.role.value,
    }


def absolute(paths: Sequence[Path]) -> list[str]:
    """Return paths as the service, in a folder of its own, can use them."""
    return [str(Path(path).expanduser().absolute()) for path in paths]


def segment(text: str) -> str:
    """Return the text as one segment of a URL's path."""
    return quote(text, safe="", errors="replace") or "-"
