"""Everything on this machine in one go: servers, schema, processes; started in order, kept alive, stopped together."""

import http.client
import sys
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from commands.ports import PortError, Ports, address
from shared.clock import SystemClock
from shared.db.engine import make_engine
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.runtime import Runtime, open_runtime, secret_key
from shared.settings import Settings, child_environment, split_bind
from shared.supervise import OnLine, Program, StartCancelledError, Supervisor

ROOT = Path(__file__).resolve().parent.parent
SIMULATOR_PORT = 8760
# Probes ask programs of this machine; a proxy in the environment has no part in it.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stack:
    """`with Stack(settings, ...) as stack:` runs all processes; leaving it stops them.

    Embedded servers start only for what the settings leave open. `workers` and the like say how many of each run.
    `extra` are settings (without the prefix) for the processes, over those of this one. With the simulator, an address
    in use gives way to a free one; without it, that is an error. A start is given up when `stopping` is set.

    Raises:
        PortError: the gateway's address is in use, or not of this machine; or the console's, when the settings name it.
        EmbeddedServerError: a server does not start.
        NotReadyError: a process does not become ready.
        StartCancelledError: `stopping` was set meanwhile. In all cases nothing is left running.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        simulator: bool = False,
        workers: int = 1,
        notifiers: int = 1,
        gateways: int = 1,
        consoles: int = 1,
        extra: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self.home = settings.home.resolve()
        self._given, self._extra, self._on_line = settings, dict(extra or {}), on_line
        self._counts = {"worker": workers, "notifier": notifiers, "gateway": gateways, "console": consoles}
        self.servers = EmbeddedServers(
            self.home, postgres=settings.database_url is None, valkey=settings.redis_url is None
        )
        self.simulator_url: str | None = None
        self.addresses: dict[str, str] = {}
        self._simulator, self._stopping = simulator, stopping or threading.Event()
        self._ports, self._binds = Ports(), dict[str, str]()
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._take_ports()
        self._go_on()
        self.servers.start()
        self._go_on()
        engine = make_engine(self.database_url, pool_size=2)
        migrate(engine, now=SystemClock(self._given.clock_file).now())
        engine.dispose()
        self._go_on()
        self._supervisor = Supervisor(
            self._programs(), log_folder=self.home / "log", on_line=self._on_line, stopping=self._stopping
        )
        self._supervisor.start()

    def stop(self) -> None:
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        self.servers.stop()
        self._ports.release()

    def keep_alive(self) -> tuple[str, ...]:
        """Restart embedded servers that have died; their names."""
        return self.servers.ensure_running()

    @property
    def supervisor(self) -> Supervisor:
        assert self._supervisor is not None
        return self._supervisor

    @property
    def database_url(self) -> str:
        return self._given.database_url or self.servers.database_url

    @property
    def redis_url(self) -> str:
        return self._given.redis_url or self.servers.redis_url

    def open_runtime(self) -> Runtime:
        """What this process itself needs to look into the running system."""
        return open_runtime(self._settings(), application="up", pool_size=4)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise StartCancelledError

    def _take_ports(self) -> None:
        if self._simulator:
            self.simulator_url = f"http://127.0.0.1:{self._ports.take(wanted=SIMULATOR_PORT, or_other=True)}"
        self._take_bind("gateway", self._given.gateway_bind, or_other=self._simulator)
        # Callers know a console's address from whoever was told it; nobody was told the default of another program.
        named = "console_bind" in self._given.model_fields_set
        self._take_bind("console", self._given.console_bind, or_other=self._simulator or not named)

    def _take_bind(self, process: str, bind: str, *, or_other: bool) -> None:
        host, port = split_bind(bind)
        try:
            self._binds[process] = address(host, self._ports.take(host, port, or_other=or_other))
        except PortError as error:
            raise PortError(f"{error}; stop what listens there or set GUANXI_{process.upper()}_BIND") from None

    def _settings(self) -> Settings:
        key = secret_key(self._given)
        fixed = {"database_url": self.database_url, "redis_url": self.redis_url, "secret_key": key, "home": self.home}
        if self.simulator_url:
            fixed |= {"wecom_base_url": self.simulator_url, "wecom_login_url": self.simulator_url}
            fixed["console_url"] = f"http://{self._binds['console']}"
        return Settings.model_validate(self._given.model_dump() | fixed)

    def _programs(self) -> list[Program]:
        settings = self._settings()
        overrides = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "HOME": str(self.home),
            "WECOM_BASE_URL": settings.wecom_base_url,
            "WECOM_LOGIN_URL": settings.wecom_login_url,
            "CONSOLE_URL": settings.console_url,
            **self._extra,
        }
        assert settings.secret_key is not None
        env = child_environment({**overrides, "SECRET_KEY": settings.secret_key.get_secret_value()})
        if self.simulator_url:
            env = without_proxies(env)
        simulator = []
        if self.simulator_url:
            bind = self.simulator_url.removeprefix("http://")
            simulator.append(self._program("simulator", ["--bind", bind], env, f"{self.simulator_url}/healthz"))
        counts = {**self._counts, "scheduler": 1}
        first, *others = [self._process(name, number, env) for name, count in counts.items() for number in range(count)]
        # A process of their own: no other thread of Python's is ever before a welcome.
        others.append(self._process("worker", 0, env, name="welcomes", arguments=["--only", "welcomes"]))
        # They meet in the database only, so none needs another one to be ready; but each may ask WeCom at once.
        return [*simulator, first, *(replace(other, alongside=True) for other in others)]

    def _process(
        self, command: str, number: int, env: Mapping[str, str], *, name: str = "", arguments: Sequence[str] = ()
    ) -> Program:
        name = name or (command if number == 0 else f"{command}-{number + 1}")
        if command == "worker" and not arguments:
            arguments = ["--only", "events", "--only", "passes"]
        # All gateways share one address; the kernel hands each connection to one that lives.
        bind = self._binds.get(command) or address("127.0.0.1", self._ports.take())
        option = "--bind" if command in self._binds else "--health-bind"
        self.addresses[name] = f"http://{bind}"
        path = "readyz" if command in self._binds else "healthz"
        return self._program(command, [option, bind, *arguments], env, f"http://{bind}/{path}", name=name)

    def _program(
        self, command: str, arguments: list[str], env: Mapping[str, str], url: str, *, name: str | None = None
    ) -> Program:
        argv = [sys.executable, str(ROOT / "guanxi.py"), command, *arguments]
        return Program(name or command, argv, env, ready=answers(url))


def answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with DIRECT.open(url, timeout=2) as response:
                return bool(response.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    return ready


def without_proxies(env: Mapping[str, str]) -> dict[str, str]:
    """The environment for programs that only talk to this machine."""
    return {name: value for name, value in env.items() if not name.lower().endswith("_proxy")}
