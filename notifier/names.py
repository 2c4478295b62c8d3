"""How people and things are called in messages: by the names that were looked up, else by their ids."""

from collections.abc import Callable, Mapping

from notifier.messages import People
from notifier.render import shortened
from services.notices.store import Names
from shared.ids import CustomerId, ExternalUserId, UserId


def people_of(names: Names) -> People:
    def customer(external_userid: ExternalUserId, userid: UserId) -> str:
        found = names.remarks.get((external_userid, userid)) or names.contacts.get(external_userid)
        return shortened(found or external_userid)

    def known(customer_id: CustomerId, userid: UserId) -> str:
        contact = names.customers.get(customer_id)
        return f"#{customer_id}" if contact is None else customer(ExternalUserId(contact), userid)

    def by_key(of: Mapping[object, str]) -> Callable[[object], str]:
        return lambda key: shortened(of.get(key) or str(key))

    return People(
        customer,
        lambda userid: shortened(names.associates.get(userid) or userid),
        known,
        by_key(names.stages),
        by_key(names.chats),
        by_key(names.chat_events),
    )
