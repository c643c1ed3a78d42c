"""Builds the HTTP application around a desk; it opens nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from api import problems
from api.auth import LOOPBACK, Guard
from api.routes import (
    access,
    backup,
    credentials,
    health,
    ledgers,
    library,
    market,
    operations,
    pages,
    runs,
    schedules,
    workers,
)
from tieout.application import Application
from tieout.model import Principal
from tieout.ports import Changes


def create_app(
    desk: Application,
    *,
    token: str,
    principal: Principal,
    changes: Changes,
    hosts: frozenset[str] = LOOPBACK,
    public_url: str = "",
    stopping: Callable[[], bool] = lambda: False,
    doctor: Callable[[Principal], Sequence[Any]] = lambda _principal: [],
    metrics: Callable[[], bytes] = lambda: b"",
    version: str = "0",
    dashboards: Callable[[FastAPI], None] = lambda _app: None,
) -> ASGIApp:
    """Return the guarded service. `stopping` ends open event streams; `doctor` gives findings as JSON values.

    `public_url` is where browsers find it when that is not where it listens. `metrics` gives what `/metrics`
    answers, in Prometheus' text format. `dashboards` adds pages to the application before it is guarded.
    """
    app = FastAPI(title="tieout", version=version, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.desk = desk
    app.state.principal = principal
    app.state.changes = changes
    app.state.stopping = stopping
    app.state.doctor = doctor
    app.state.metrics = metrics
    app.state.secure = public_url.startswith("https:")
    for router in (
        ledgers.router,
        runs.router,
        operations.router,
        library.router,
        market.router,
        schedules.router,
        workers.router,
        backup.router,
        credentials.router,
        access.router,
        health.router,
    ):
        app.include_router(router, prefix="/api/v1")
    app.include_router(health.probes)
    app.include_router(health.measured)
    app.state.dashboards = False
    dashboards(app)
    app.include_router(pages.router)
    problems.install(app)
    return Guard(app, token=token, authenticate=desk.authenticate, hosts=hosts, public_url=public_url)
