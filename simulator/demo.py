"""A small shop to look at: members, customers of half a year, tags, chats, a leaver, messages, an official account."""

import random
from typing import Any

from simulator import configuration
from simulator.acting import ImpossibleError
from simulator.actions import act
from simulator.official_account.acts import ACTS as ACCOUNT_ACTS
from simulator.official_account.book import Account
from simulator.official_account.control import put_account
from simulator.population import populate
from simulator.records import Corp
from simulator.world import World

CORP_ID, SECRET, AGENT_ID = "wwexample00000001", "example-secret", 1000002
APPID, APP_SECRET = "wxexample0000001", "example-app-secret"
OUTLETS = [{"id": 1, "name": "江南百货"}, {"id": 2, "name": "西湖店"}, {"id": 3, "name": "滨江店"}]
MEMBERS = [
    {"userid": "ChenJing", "name": "陈静", "department": [1], "position": "店长"},
    {"userid": "LiNa", "name": "李娜", "department": [2], "direct_leader": "ChenJing"},
    {"userid": "WangFang", "name": "王芳", "department": [2], "direct_leader": "ChenJing"},
    {"userid": "ZhangWei", "name": "张伟", "department": [3], "direct_leader": "ChenJing"},
    {"userid": "ZhaoMin", "name": "赵敏", "department": [3], "direct_leader": "ChenJing"},
]
LEAVER_ID = "SunHao"
LEAVER = {"userid": LEAVER_ID, "name": "孙浩", "department": [2], "direct_leader": "ChenJing"}
SELLERS = ["LiNa", "WangFang", "ZhangWei", "ZhaoMin"]
TAGS = {"等级": ["VIP", "普通", "潜在"], "喜好": ["女装", "童装", "家居"], "来源": ["门店", "直播", "朋友介绍"]}
MONTHS, A_MONTH, OF_LEAVER = 6, 10, 5
CUSTOMERS = MONTHS * A_MONTH
DAY_S = 86_400


def make_demo(world: World) -> dict[str, Any]:
    """Build it once; a second time it only answers the names. ValueError never: everything is invented here."""
    if CORP_ID not in world.corps:
        app = {"name": "example", "secret": SECRET, "agent_id": AGENT_ID}
        corp = configuration.put_corp(world, {"corp_id": CORP_ID, "name": "江南百货（示例）", "apps": [app]})
        configuration.put_departments(world, corp, OUTLETS)
        configuration.put_members(world, corp, [*MEMBERS, LEAVER])
        account = put_account(world, {"appid": APPID, "secret": APP_SECRET, "name": "江南百货服务号"})
        with world.lock:
            _fill(world, corp, account, random.Random(7))
    return {"corp_id": CORP_ID, "secret": SECRET, "agent_id": AGENT_ID, "appid": APPID, "app_secret": APP_SECRET}


def _fill(world: World, corp: Corp, account: Account, dice: random.Random) -> None:
    now = int(world.now())
    made: list[str] = []
    for month in range(MONTHS):
        at = now - (MONTHS - month) * 30 * DAY_S
        made += populate(world, corp, SELLERS, count=A_MONTH, seed=month, createtime=at)
    ids = [tag_id for group, names in TAGS.items() for tag_id in _tags(world, corp, group, names)]
    for external_userid in made[: CUSTOMERS // 2]:
        pair = corp.customers[external_userid].pairs[0]
        tags = dice.sample(ids, dice.choice((1, 2, 3)))
        _do(world, corp, do="edit", userid=pair.userid, external_userid=external_userid, tags=tags)
    for external_userid in made[:8]:
        other = dice.choice(SELLERS)
        _do(world, corp, do="add", userid=other, external_userid=external_userid, state="booth_a7")
    gone = corp.customers[made[-1]].pairs[0]
    _do(world, corp, do="customer_deletes", userid=gone.userid, external_userid=made[-1])
    for owner, name, people in (("LiNa", "西湖店新品群", made[:6]), ("ZhangWei", "滨江店会员群", made[6:14])):
        _do(world, corp, do="create_chat", owner=owner, name=name, members=people)
    _reach(world, corp, made, yesterday=now - DAY_S)
    populate(world, corp, [LEAVER_ID], count=OF_LEAVER, seed=MONTHS, createtime=now - 90 * DAY_S)
    _do(world, corp, do="resign", userid=LEAVER_ID, at=now - DAY_S)
    with_unionid = [item for item in made if corp.customers[item].unionid]
    for external_userid in with_unionid[:5]:
        order = {"corp_id": corp.corp_id, "external_userid": external_userid}
        ACCOUNT_ACTS["follow"](world, account, order, int(world.now()))


def _reach(world: World, corp: Corp, made: list[str], *, yesterday: int) -> None:
    """A contact way that somebody scanned, talks that statistics count, a group message and a moment of members."""
    way = _do(world, corp, do="earlier_contact_ways", userid="LiNa", state="booth_a7", at=yesterday)
    _do(world, corp, do="scan", config_id=way["config_id"], at=yesterday)
    for external_userid in made[:12]:
        userid = corp.customers[external_userid].pairs[0].userid
        talk = {"userid": userid, "external_userid": external_userid, "reply_after_s": 120}
        _do(world, corp, do="talk", at=yesterday, **talk)
    friends = [key for key, pair in corp.members["lina"].pairs.items() if pair.readable][:5]
    _do(
        world, corp, do="broadcast_as_member", userid="LiNa", external_userid=friends, text="秋季新品到店", at=yesterday
    )
    _do(world, corp, do="post_moment", userid="LiNa", text="今日新品", at=yesterday)


def _tags(world: World, corp: Corp, group: str, names: list[str]) -> list[str]:
    found: list[str] = _do(world, corp, do="create_tag_group", group_name=group, tags=names).get("tag_ids", [])
    return found


def _do(world: World, corp: Corp, **order: Any) -> dict[str, Any]:
    """Somebody may be a friend already: then nothing happens."""
    try:
        return act(world, corp, order)
    except ImpossibleError:
        return {}
