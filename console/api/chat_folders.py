"""Folders of chats (GRP-3)."""

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_chats import FolderBody, FolderOrderBody, FolderPath, MoveBody
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_chats import FolderOut, FoldersOut, MovedOut
from services.chats.folders import delete_folder, load_folders, make_folder, move_chats, order_folders, rename_folder
from services.chats.listing import check_known
from services.chats.model import UNGROUPED, ChatIds
from shared.api_keys import Scope

GROUP = "chats"


def _folders(work: Work) -> FoldersOut:
    found = load_folders(work.connection, work.tenant)
    return FoldersOut(folders=[FolderOut(pinned=one.id == UNGROUPED, **vars(one)) for one in found])


@operation("get", "/chat-folders", Scope.GROUPS_READ, FoldersOut, group=GROUP)
def list_folders() -> Response:
    """List the folders with their counts: Ungrouped first, then from the top down, empty ones too."""
    return read(_folders)


@operation("post", "/chat-folders", Scope.GROUPS_WRITE, FoldersOut, status=201, group=GROUP, once=True)
def create_folder(body: FolderBody) -> Response:
    """Make a folder, right under Ungrouped; the answer lists all. 409 when the name is taken, by width and case too."""

    def work(work: Work) -> Done:
        _, change = make_folder(work.connection, work.tenant.id, body.name, by=caller().actor, now=work.now)
        return Done(_folders(work), 201, (change,))

    return write(work, once=True)


@operation("post", "/chat-folders:order", Scope.GROUPS_WRITE, FoldersOut, group=GROUP)
def put_folders_in_order(body: FolderOrderBody) -> Response:
    """Put the folders in another order; Ungrouped stays on top. 409 when not each folder is named once."""

    def work(work: Work) -> Done:
        change = order_folders(work.connection, work.tenant.id, body.folder_ids)
        return Done(_folders(work), 200, (change,))

    return write(work)


@operation("post", "/chats:move", Scope.GROUPS_WRITE, MovedOut, group=GROUP)
def move_some_chats(body: MoveBody) -> Response:
    """Move one chat, many, or all that a filter finds to one folder. 404 when the folder, or a chat named, is not."""

    def work(work: Work) -> Done:
        chosen = body.chosen()
        if isinstance(chosen, ChatIds):
            check_known(work.connection, work.tenant.id, chosen.ids)
        moved, change = move_chats(work.connection, work.tenant.id, body.folder_id, chosen)
        return Done(MovedOut(folder_id=body.folder_id, moved=moved), 200, (change,) if moved else ())

    return write(work)


@operation("put", "/chat-folders/<id>", Scope.GROUPS_WRITE, FoldersOut, group=GROUP)
def change_folder(path: FolderPath, body: FolderBody) -> Response:
    """Give a folder another name. 409 for Ungrouped."""

    def work(work: Work) -> Done:
        change = rename_folder(work.connection, work.tenant.id, path.id, body.name)
        return Done(_folders(work), 200, (change,))

    return write(work)


@operation("delete", "/chat-folders/<id>", Scope.GROUPS_WRITE, MovedOut, group=GROUP)
def remove_folder(path: FolderPath) -> Response:
    """Delete a folder; its chats are in Ungrouped from then on. 409 for Ungrouped."""

    def work(work: Work) -> Done:
        moved, change = delete_folder(work.connection, work.tenant.id, path.id)
        return Done(MovedOut(folder_id=UNGROUPED, moved=moved), 200, (change,))

    return write(work)
