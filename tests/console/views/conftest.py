"""The console's pages over HTTP: a corp with phones in the simulator, a notifier, and a browser."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright
from redis import Redis
from sqlalchemy import Engine
from werkzeug.serving import BaseWSGIServer, make_server

from commands.browser import find_browser
from commands.demo_corp import ASSOCIATES, SimulatedCorp, record_demo_corp
from console import desk as consoles
from console.app import make_app
from services.sops.model import Trigger
from shared.clock import FixedClock, SystemClock
from shared.db.engine import run
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import load_tenants
from shared.vault import Vault
from tests.notifier.desk import Desk
from tests.services.rules.shop import Shop
from tests.services.sops.sopping import SopShop, after


class Office(Desk):
    """A corp whose associates have phones with a browser in them."""

    def __init__(self, runtime: Runtime, corp: SimulatedCorp, pool: ThreadPoolExecutor, url: str) -> None:
        super().__init__(runtime, corp, pool)
        self.url = url
        self.stop_the_clock()
        with runtime.engine.begin() as connection:
            tenant = load_tenants(connection, runtime.vault)[0]
        assert isinstance(self.runtime.clock, FixedClock)
        self.shop = SopShop(Shop(self.runtime, tenant, self.runtime.clock))

    def link(self, userid: str) -> str:
        """Where the newest message on a phone leads to."""
        return str(self.corp.messages(userid)[-1]["payload"]["url"])

    def step(self, words: str = "您好 {customer}", **given: Any) -> int:
        """A step of an SOP is on LiNa's phone; the customer's id."""
        self.shop.rule("新客", replace(after(0, words), **given), trigger=Trigger("event", event="visited"))
        (customer_id,) = self.shop.customers(1)
        self.shop.happen(customer_id, "E1")
        self.shop.look()
        self.deliver()
        return int(customer_id)

    def visit(self, path: str, *, userid: str = "", session: requests.Session | None = None) -> requests.Response:
        """Open an address as somebody who signs in, when asked, as `userid`."""
        session = session or requests.Session()
        session.trust_env = False
        answer = session.get(path if path.startswith("http") else self.url + path)
        if userid and "/wwlogin/" in answer.url:
            answer = session.post(answer.url, data={"userid": userid})
        return answer


@pytest.fixture
def office(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Iterator[Office]:
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])
    server = make_server("127.0.0.1", 0, _nothing, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    corp.trust(url)
    settings = Settings(
        _env_file=None,
        wecom_base_url=simulator_url,
        wecom_login_url=simulator_url,
        console_url=url,
        wecom_read_timeout_s=2,
    )
    runtime = Runtime(settings, SystemClock(), engine, Redis.from_url(redis_url), vault)
    record_demo_corp(runtime)
    with engine.begin() as connection:
        for userid, (name, _) in ASSOCIATES.items():
            run(
                connection,
                "insert into associate (tenant_id, userid, name, observed_at) values (1, :userid, :name, now())",
                userid=userid,
                name=name,
            )
    with ThreadPoolExecutor(2) as pool:
        made = Office(runtime, corp, pool, url)
        server.app = make_app(consoles.Desk(made.runtime, lambda: None))
        with _served(server):
            yield made


def _nothing(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError("not made yet")


class _served:
    def __init__(self, server: BaseWSGIServer) -> None:
        self._server, self._thread = server, threading.Thread(target=server.serve_forever)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the file: as long as it is open an event loop runs in this process, where others may want one."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", "--no-proxy-server"])
        yield found
        found.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A browser inside WeCom's client, as wide as a phone."""
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 390, "height": 780}, user_agent="Mozilla/5.0 wxwork/4.1 Mobile"
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()
