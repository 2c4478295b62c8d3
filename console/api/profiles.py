"""One customer from all sides (CUS-4)."""

from flask import Response

from console.api.acting import Work, read
from console.api.asked import CustomerPath
from console.api.customers import sheet_of
from console.api.routes import operation
from console.api.sheets import customer_out
from console.api.told_persons import (
    ChatOut,
    CompanyOfOut,
    ContactedOut,
    CustomFieldOut,
    FriendOut,
    LocalTagOut,
    NearOut,
    OutletOut,
    PoolOut,
    PreferredOut,
    ProfileOut,
    StageOut,
)
from console.api.viewing import viewer
from services.sheets.profile import load_profile
from shared.api_keys import Scope


@operation("get", "/customers/<id>/profile", Scope.CUSTOMERS_READ, ProfileOut, group="customers")
def show_profile(path: CustomerPath) -> Response:
    """Show a customer from all sides: what `GET /customers/{id}` has, and outlets, chats, tags, stages and so on."""

    def work(work: Work) -> ProfileOut:
        sheet = sheet_of(work, path.id)
        found = load_profile(work.connection, work.tenant, sheet, viewer=viewer())
        customer, last = customer_out(sheet), found.last_contact
        return ProfileOut(
            customer=customer,
            outlets=[OutletOut(**one) for one in found.outlets],
            friends=[FriendOut(**one) for one in found.friends],
            chats=[ChatOut(**one) for one in found.chats],
            near=[NearOut(**one) for one in found.near],
            local_tags=[LocalTagOut(**one) for one in found.tags],
            stages=[StageOut(**one) for one in found.stages],
            companies=[CompanyOfOut(**one) for one in found.companies],
            score=found.score,
            points=found.points,
            blacklist=customer.blacklisted,
            pool=None if found.pool is None else PoolOut(**found.pool),
            goods=[PreferredOut(**one.__dict__) for one in found.goods],
            custom_fields=[CustomFieldOut(**one.__dict__) for one in found.fields],
            last_contact=None if last is None else ContactedOut(at=last.at, source=last.source.value, by=last.by),
        )

    return read(work)
