"""The transfers of customers between members, those in service and those who left."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from simulator.records import Corp, Member


class Status(IntEnum):
    """Source: WeCom server API, transfer results (pages 94088 and 94082)."""

    DONE = 1
    WAITING = 2
    REFUSED = 3
    FULL = 4


@dataclass(eq=False)
class Transfer:
    """One customer on the way from one member to another; `due_at` is when it takes effect by itself."""

    handover_userid: str
    takeover_userid: str
    external_userid: str
    resigned: bool
    asked_at: int
    due_at: int
    message: str = ""
    status: Status = Status.WAITING
    ended_at: int = 0

    @property
    def takeover_time(self) -> int:
        """Still to come while it waits, 0 when it failed."""
        if self.status is Status.WAITING:
            return self.due_at
        return self.ended_at if self.status is Status.DONE else 0


@dataclass
class TransferBook:
    """`left_at` is kept for members who were configured as resigned without a time."""

    transfers: list[Transfer] = field(default_factory=list)
    waiting: dict[tuple[str, str], Transfer] = field(default_factory=dict)
    of_members: dict[tuple[bool, str, str], list[Transfer]] = field(default_factory=lambda: defaultdict(list))
    of_customer: dict[str, list[Transfer]] = field(default_factory=lambda: defaultdict(list))
    left_at: dict[str, int] = field(default_factory=dict)

    def start(self, transfer: Transfer) -> None:
        self.transfers.append(transfer)
        self.waiting[transfer.handover_userid, transfer.external_userid] = transfer
        self.of_members[transfer.resigned, transfer.handover_userid, transfer.takeover_userid].append(transfer)
        self.of_customer[transfer.external_userid].append(transfer)

    def end(self, transfer: Transfer, status: Status, *, at: int) -> None:
        transfer.status, transfer.ended_at = status, at
        self.waiting.pop((transfer.handover_userid, transfer.external_userid), None)

    def member_renamed(self, old: str, new: str) -> None:
        for item in self.transfers:
            item.handover_userid = new if item.handover_userid == old else item.handover_userid
            item.takeover_userid = new if item.takeover_userid == old else item.takeover_userid
        self.waiting = {(item.handover_userid, item.external_userid): item for item in self.waiting.values()}
        self.of_members.clear()
        for item in self.transfers:
            self.of_members[item.resigned, item.handover_userid, item.takeover_userid].append(item)

    def leaving_of(self, member: Member, *, now: float) -> int:
        """When a resigned member left: Unix seconds."""
        if member.resigned_at is not None:
            return int(member.resigned_at)
        return self.left_at.setdefault(member.userid, int(now))


def find_waiting(corp: Corp, *, external_userid: str, handover_userid: str, takeover_userid: str) -> Iterator[Transfer]:
    """The transfers of a customer that have not ended; a member who is not named can be any."""
    for transfer in corp.book(TransferBook).of_customer.get(external_userid, ()):
        members = (transfer.handover_userid.lower(), transfer.takeover_userid.lower())
        named = (handover_userid.lower() or members[0], takeover_userid.lower() or members[1])
        if transfer.status is Status.WAITING and members == named:
            yield transfer
