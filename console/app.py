"""The console's application: the API and its document, pages for associates, and the health addresses."""

import os

from flask import Response
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError

from console.api import (
    associates,
    audits,
    automatic_tags,
    blacklist,
    bulk_changes,
    chat_events,
    chat_folders,
    chat_tags,
    chats,
    companies,
    custom_fields,
    customers,
    exports,
    files,
    finding,
    imports,
    local_tags,
    losses,
    merging,
    message_looks,
    notes,
    notifications,
    pool,
    pool_giving,
    pool_rules,
    profiles,
    purchases,
    relations,
    reminders,
    robots,
    saved_filters,
    scores,
    segments,
    sop_rules,
    sops,
    stages,
    tagging,
    tasks,
    timelines,
    timely_reminders,
    welcomes,
)
from console.api.document import finish
from console.api.problems import of_validation, render, show_problems
from console.api.routes import PREFIX, api
from console.desk import NAME, Desk
from console.views.messages import make_views
from shared.queue import WORK, Bell
from shared.runtime import open_runtime
from shared.settings import Settings
from shared.supervise import exit_with_parent
from shared.telemetry import add_health, configure_logging

HANDLERS = (
    associates,
    audits,
    automatic_tags,
    blacklist,
    bulk_changes,
    chat_events,
    chat_folders,
    chat_tags,
    chats,
    companies,
    custom_fields,
    customers,
    exports,
    files,
    finding,
    imports,
    local_tags,
    losses,
    merging,
    message_looks,
    notes,
    notifications,
    pool,
    pool_giving,
    pool_rules,
    profiles,
    purchases,
    relations,
    reminders,
    robots,
    saved_filters,
    scores,
    segments,
    sop_rules,
    sops,
    stages,
    tagging,
    tasks,
    timelines,
    timely_reminders,
    welcomes,
)
"""Imported for what they put on the blueprint."""
DESCRIPTION = "Keeps a retailer's customers and WeCom in step. What each field means and who has the say: docs/api.md."


def load_app(settings: Settings) -> OpenAPI:
    """The application inside a worker process.

    Raises:
        SettingsError: no database, or no secret key.
    """
    configure_logging(settings, process="console")
    exit_with_parent(os.getppid())
    runtime = open_runtime(settings, application="console", pool_size=settings.console_threads)
    return make_app(Desk(runtime, Bell(runtime.redis, WORK).ring))


def make_app(desk: Desk) -> OpenAPI:
    app = OpenAPI(
        "guanxi.console",
        info=Info(title="Guanxi", version="1", description=DESCRIPTION),
        security_schemes={"key": {"type": "http", "scheme": "bearer", "description": "guanxi api-key add"}},
        validation_error_callback=_refused,
        doc_ui=False,
        static_folder=None,
    )
    app.extensions[NAME] = desk
    app.config["MAX_CONTENT_LENGTH"] = desk.runtime.settings.console_max_body_bytes
    show_problems(app)
    app.register_api(api)
    document = finish(app.api_doc)

    @app.get(f"{PREFIX}/openapi.json", doc_ui=False)
    def openapi() -> Response:
        return Response(document, mimetype="application/json")

    with app.app_context():
        app.register_blueprint(make_views())
    add_health(app, desk.runtime.checks())
    return app


def _refused(error: ValidationError) -> Response:
    return render(of_validation(error))
