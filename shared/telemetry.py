"""Logs and the health address of a process.

Log messages are constants, fields are ids: no names, no phone numbers, no secrets.
"""

import logging
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from shared.settings import Settings, split_bind

Check = Callable[[], None]
"""Raises when a dependency does not answer."""


def configure_logging(settings: Settings, *, process: str) -> None:
    level = getattr(logging, settings.log_level.upper())
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )

    def name_process(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**event, "process": process}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            name_process,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exceptions,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote addresses, and these hold tokens


@contextmanager
def errors_only() -> Iterator[None]:
    """For a command whose output is its answer: meanwhile only errors are logged, to stderr."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _name_exceptions(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception becomes its type and the places it went through. Its text stays out: it may quote rows or bodies."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["trace"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    return event


def health_app(checks: Mapping[str, Check]) -> Flask:
    """The health addresses and nothing else."""
    app = Flask("guanxi.health")
    add_health(app, checks)
    return app


def add_health(app: Flask, checks: Mapping[str, Check]) -> None:
    """/healthz: it lives; /readyz: what it depends on answers (else 503 with the names); /metrics: Prometheus."""

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        away = [name for name, check in checks.items() if not _answers(check)]
        text = "ready\n" if not away else f"waiting for {', '.join(away)}\n"
        return Response(text, status=503 if away else 200, mimetype="text/plain")

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _answers(check: Check) -> bool:
    try:
        check()
    except Exception:  # whatever a dependency fails with, it does not answer
        return False
    return True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Health checks are not worth a line each."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread per request: a check that hangs must not make the process look dead."""

    address_family = socket.AF_INET
    daemon_threads = True


def serve_health(bind: str, checks: Mapping[str, Check]) -> str:
    """Serve health and metrics from a background thread; the address it listens on."""
    host, port = split_bind(bind)
    server = make_server(host, port, health_app(checks).wsgi_app, server_class=_Server, handler_class=_QuietHandler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    address = f"http://{host}:{server.server_port}"
    structlog.get_logger().info("health.listening", address=address)
    return address
