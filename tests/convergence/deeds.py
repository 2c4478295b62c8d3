"""Everything that people may do, drawn as numbers and resolved against what there is."""

from hypothesis import strategies as st

from tests.convergence import chat_deeds, contact_deeds, directory_deeds, tag_deeds
from tests.convergence.town import Choose, Deed, Order, Town

ORDERS: dict[str, Choose] = contact_deeds.ORDERS | directory_deeds.ORDERS | tag_deeds.ORDERS | chat_deeds.ORDERS
OFTEN = (*contact_deeds.ORDERS, "add", "edit", "create_chat", "join_chat")
ALL = (*OFTEN, *OFTEN, *directory_deeds.ORDERS, *tag_deeds.ORDERS, *chat_deeds.ORDERS)

NUMBERS = st.integers(0, 60)
DEEDS = st.builds(
    Deed,
    do=st.sampled_from(ALL),
    a=NUMBERS,
    b=NUMBERS,
    c=NUMBERS,
    wait_s=st.sampled_from([1, 1, 2, 5, 61, 130, 700, 4000]),
    silent=st.sampled_from([False, False, False, True]),
)


def order_of(town: Town, deed: Deed) -> Order | None:
    """The action, or None when nobody can do it now."""
    found = ORDERS[deed.do](town, deed)
    return None if found is None else {"do": deed.do, **found}
