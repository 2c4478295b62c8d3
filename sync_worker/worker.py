"""One worker process: a loop that routes the inbox and reconciles what is due; threads beside it walk full passes,
make customers' cards, and welcome new friends.

Rows say what is due; a wake-up or a sweep only says "look". Looking twice is harmless: rows are leased or locked.
Each part can be left out, so that events and welcomes have processes of their own.
"""

from concurrent.futures import ThreadPoolExecutor

from services.waiting.store import mark_ready
from shared.db.migrate import make_inbox_partitions
from shared.db.statistics import analyse_grown
from shared.directory import Directory
from shared.queue import NOTIFY, WORK, Bell
from shared.runtime import Runtime
from shared.wecom.clients import Clients
from sync_worker.bulk.forgetting import forget_old_values
from sync_worker.cards import keep_cards
from sync_worker.drift import DriftCheck
from sync_worker.files.lane import Lane
from sync_worker.looking import Looking
from sync_worker.loop import Loop
from sync_worker.pool import PoolKeeper
from sync_worker.presses import keep_presses
from sync_worker.reconcile import Reconciler
from sync_worker.reminding import keep_reminding
from sync_worker.segments import keep_segments
from sync_worker.sops import keep_sops
from sync_worker.timetable import open_due_passes
from sync_worker.turns import most_threads
from sync_worker.waiting import keep_waiting
from sync_worker.walkers import Walkers
from sync_worker.welcomes.files import keep_welcome_files
from sync_worker.welcomes.lane import WelcomeLane

LONGEST_JOB_S = 20.0
LONGEST_STOP_S = 5.0
STATISTICS_EVERY_S = 2.0


class Worker:
    """`events`: it routes and reconciles. `passes`: it walks full passes, makes cards, refreshes segments, puts
    waiting tags on, keeps SOPs going, uploads files, and sees to imports and exports; what passes want is left to the
    former. `welcomes`: it welcomes new friends.
    """

    def __init__(self, runtime: Runtime, *, events: bool = True, passes: bool = True, welcomes: bool = True) -> None:
        settings = runtime.settings
        self._runtime = runtime
        self._work_bell = Bell(runtime.redis, WORK)
        self.ring_notifier = Bell(runtime.redis, NOTIFY).ring
        directory = Directory(runtime.vault)
        readers = most_threads(settings.worker_threads) if events else 0
        walkers = settings.resync_threads if passes else 0
        clients = Clients(runtime, connections=max(1, readers + walkers))
        self._drift = DriftCheck(runtime, directory=directory, clients=clients)
        self._loop = Loop(runtime, directory) if events else None
        self._beside: list[Looking | Lane | PoolKeeper | Walkers | WelcomeLane] = []
        if welcomes:
            self._beside.append(WelcomeLane(runtime))
        if passes:
            self._beside += [
                Lane(runtime),
                Walkers(runtime, directory=directory, clients=clients),
                keep_cards(runtime, directory=directory),
                keep_segments(runtime, directory=directory),
                keep_waiting(runtime, directory=directory, ring=self._work_bell.ring),
                keep_sops(runtime, directory=directory, notify=self.ring_notifier),
                keep_welcome_files(runtime, directory=directory, clients=clients),
                Looking("statistics", lambda: _analyse(runtime), every_s=STATISTICS_EVERY_S),
            ]
        if events:
            self._beside.append(PoolKeeper(runtime, notify=self.ring_notifier))
            self._beside.append(keep_presses(runtime, directory=directory, notify=self.ring_notifier))
            self._beside.append(keep_reminding(runtime, notify=self.ring_notifier))
        if self._loop is not None:
            reconciler = Reconciler(
                runtime,
                directory=directory,
                clients=clients,
                pool=ThreadPoolExecutor(readers, thread_name_prefix="read"),
                notify=self.ring_notifier,
                progressed=self._loop.look_for_requests,
            )
            self._loop.start(reconciler)

    def look(self) -> None:
        """Something may be due; returns at once."""
        for one in self._beside:
            one.look()
        if self._loop is not None:
            self._loop.look()

    def work(self) -> None:
        """Look, and take no other wake-up before there is room for more: idle processes are to hear those.

        After twenty seconds the wake-up is rung again, and the queue may breathe.
        """
        self.look()
        if self._loop is not None and not self._loop.wait(LONGEST_JOB_S):
            self._work_bell.ring()

    def housekeep(self) -> None:
        now = self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            make_inbox_partitions(connection, today=now.date())
            mark_ready(connection)
        forget_old_values(self._runtime)

    def open_passes(self) -> None:
        """Open the full passes whose time has come; whoever walks passes will see them."""
        if open_due_passes(self._runtime):
            self._work_bell.ring()

    def check_drift(self) -> None:
        """Begin to measure drift; returns at once."""
        self._drift.start()

    def stop(self) -> None:
        """Let what is under way end, and give back what is not; the process may exit then."""
        for one in self._beside:
            one.stop(within_s=LONGEST_STOP_S)
        if self._loop is not None:
            self._loop.stop(within_s=LONGEST_STOP_S)


def _analyse(runtime: Runtime) -> int:
    """Nothing is left to be found at once: what somebody else analyses now stays grown for a moment."""
    analyse_grown(runtime.engine)
    return 0
