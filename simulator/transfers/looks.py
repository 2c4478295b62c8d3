"""All transfers and all customers without a member, as they are."""

from typing import Any

from simulator.records import Corp
from simulator.transfers.book import Transfer, TransferBook
from simulator.transfers.reading import unassigned
from simulator.world import World


def _row(transfer: Transfer) -> dict[str, Any]:
    return {
        "handover_userid": transfer.handover_userid,
        "takeover_userid": transfer.takeover_userid,
        "external_userid": transfer.external_userid,
        "resigned": transfer.resigned,
        "status": int(transfer.status),
        "asked_at": transfer.asked_at,
        "takeover_time": transfer.takeover_time,
        "transfer_success_msg": transfer.message,
    }


def transfers(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    return [_row(item) for item in corp.book(TransferBook).transfers]


def without_member(world: World, corp: Corp) -> list[dict[str, Any]]:
    return [row for _, row in unassigned(world, corp)]


LOOKS = {"transfers": transfers, "unassigned": without_member}
