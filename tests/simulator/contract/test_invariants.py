"""After many random acts, calls and turns of the clock the reads agree with the state (section 15.10)."""

import random

import pytest

from simulator.names import person

MEMBERS = ["LiNa", "ZhaoMin", "Wang", "SunHao", "ChenWei", "LiuYang"]
DAY_S = 86_400
STEPS = 200


class Life:
    """Draws what happens next; what the state forbids (409, or a code in a row) is left at that."""

    def __init__(self, sim, seed):
        self.sim, self.dice = sim, random.Random(seed)
        self.customers, self.chats, self.ways = [], [], []
        answer = sim.post(
            "externalcontact/add_corp_tag", {"group_name": "G", "tag": [{"name": f"t{n}"} for n in "abcdef"]}
        )
        self.tags = [item["id"] for item in answer["tag_group"]["tag"]]
        self.does = [name for name in dir(self) if name.startswith("do_")]

    def step(self):
        getattr(self, self.dice.choice(self.does))()

    def pair(self):
        return {
            "userid": self.dice.choice(MEMBERS),
            "external_userid": self.dice.choice(self.customers or ["wmNobody"]),
        }

    def act(self, do, **rest):
        answer = self.sim.http.post(f"{self.sim.url}/sim/corps/wwsimtest0001/act", json={"do": do, **rest}, timeout=10)
        assert answer.status_code in {200, 409}, answer.text
        return answer.json() if answer.status_code == 200 else {}

    def call(self, path, **body):
        answer = self.sim.post(f"externalcontact/{path}", body)
        assert answer["errcode"] != 40058, answer
        return answer

    def do_meet(self):
        found = self.act(self.dice.choice(["add", "add", "half_add"]), userid=self.dice.choice(MEMBERS), welcome=True)
        self.customers += [found["external_userid"]] if found else []

    def do_meet_again(self):
        self.act(self.dice.choice(["add", "half_add", "confirm"]), **self.pair())

    def do_end(self):
        self.act(self.dice.choice(["customer_deletes", "member_deletes"]), **self.pair())

    def do_edit(self):
        self.act("edit", **self.pair(), remark=person(self.dice), tags=self.dice.sample(self.tags, 2))

    def do_mark(self):
        self.call("mark_tag", **self.pair(), add_tag=[self.dice.choice(self.tags)])

    def do_remark(self):
        self.call("remark", **self.pair(), remark=person(self.dice))

    def do_pass_on(self):
        how = self.dice.choice(["", "resigned/"])
        giver, taker = self.dice.sample(MEMBERS, 2)
        listed = self.dice.sample(self.customers, min(4, len(self.customers))) or ["wmNobody"]
        self.call(f"{how}transfer_customer", handover_userid=giver, takeover_userid=taker, external_userid=listed)

    def do_answer(self):
        do, who = self.dice.choice(["agree_transfer", "refuse_transfer"]), self.pair()["external_userid"]
        self.act(do, external_userid=who)

    def do_hand_over(self):
        pair = self.pair()
        ids = {"handover_userid": pair["userid"], "external_userid": pair["external_userid"]}
        self.act("transfer_done", **ids, takeover_userid=self.dice.choice(MEMBERS))

    def do_resign(self):
        if self.dice.random() < 0.1:
            self.act("resign", userid=self.dice.choice(MEMBERS[2:]))

    def do_function(self):
        self.act(self.dice.choice(["function_off", "function_on", "function_on"]), userid=self.dice.choice(MEMBERS[1:]))

    def do_delete_tag(self):
        if self.dice.random() < 0.2:
            self.call("del_corp_tag", tag_id=[self.dice.choice(self.tags)])

    def do_chat(self):
        people = self.dice.sample(self.customers, min(3, len(self.customers)))
        found = self.act("create_chat", owner=self.dice.choice(MEMBERS), members=people)
        self.chats += [found["chat_id"]] if found else []

    def do_in_chat(self):
        do = self.dice.choice(["join_chat", "leave_chat", "remove_from_chat"])
        self.act(do, chat_id=self.dice.choice(self.chats or ["wrNobody"]), members=[self.pair()["external_userid"]])

    def do_give_chat(self):
        path = self.dice.choice(["groupchat/transfer", "groupchat/onjob_transfer"])
        self.call(
            path, chat_id_list=[self.dice.choice(self.chats or ["wrNobody"])], new_owner=self.dice.choice(MEMBERS)
        )

    def do_way(self):
        self.call("add_contact_way", type=1, scene=2, user=[self.dice.choice(MEMBERS)], state="booth")
        self.call("groupchat/add_join_way", scene=2, chat_id_list=[self.dice.choice(self.chats or ["wrNobody"])])
        ways = look(self.sim, "contact_ways")["ways"]
        if ways:
            self.act("scan", config_id=self.dice.choice(ways)["config_id"])

    def do_lose_way(self):
        for name, path in (("contact_ways", "del_contact_way"), ("join_ways", "groupchat/del_join_way")):
            found = look(self.sim, name)
            found = found["ways"] if name == "contact_ways" else found
            if found:
                self.call(path, config_id=self.dice.choice(found)["config_id"])

    def do_wait(self):
        self.sim.sim("clock", {"advance_s": self.dice.choice([1, 60, 3600, DAY_S, 40 * DAY_S])})
        self.sim.sign_in()


def look(sim, name):
    return sim.corp(f"look/{name}")


def walk(sim, userids):
    """What a whole walk meets: (userid, external_userid) -> follow_info."""
    found, cursor = {}, ""
    while True:
        body = {"userid_list": userids, "cursor": cursor, "limit": 7}
        answer = sim.post("externalcontact/batch/get_by_user", body)
        assert answer["errcode"] == 0, answer
        for row in answer["external_contact_list"]:
            found[row["follow_info"]["userid"], row["external_contact"]["external_userid"]] = row["follow_info"]
        cursor = answer["next_cursor"]
        if not cursor:
            return found


@pytest.fixture(params=range(3))
def lived(sim, request):
    """A corp after some months of random life, with a day of quiet behind it."""
    sim.corp("members", [{"userid": userid} for userid in MEMBERS])
    life = Life(sim, request.param)
    for _ in range(STEPS):
        life.step()
    sim.sim("clock", {"advance_s": 2 * DAY_S})
    sim.sign_in()
    return sim


def test_the_reads_of_customers_agree_with_the_relations(lived):
    """A walk, the lists and `get` show the readable relations of those who serve, each as it is."""
    serving = lived.get("externalcontact/get_follow_user_list")["follow_user"]
    readable = {"active", "deleted_by_customer"}
    pairs = {(item["userid"], item["external_userid"]): item for item in lived.corp("pairs")}
    wanted = {key: item for key, item in pairs.items() if item["state"] in readable and key[0] in serving}
    assert wanted
    met = walk(lived, serving)
    assert met.keys() == wanted.keys()
    for key, row in met.items():
        told = {name: row[name] for name in ("remark", "createtime", "add_way")} | {"tags": row["tag_id"]}
        assert told == {name: wanted[key][name] for name in told}
        assert row.get("state", "") == wanted[key]["channel_state"]
    for userid in serving:
        listed = lived.get("externalcontact/list", userid=userid)["external_userid"]
        assert {(userid, item) for item in listed} == {key for key in wanted if key[0] == userid}
    for external_userid in {key[1] for key in pairs}:
        followers = lived.get("externalcontact/get", external_userid=external_userid)["follow_user"]
        assert {(item["userid"], external_userid) for item in followers} == {
            key for key in wanted if key[1] == external_userid
        }


def test_every_transfer_ended_and_nobody_is_in_two_places(lived):
    """Each is done, refused or full; who is without a member is the active customer of somebody who left."""
    assert {item["status"] for item in look(lived, "transfers")} <= {1, 3, 4}
    unassigned = lived.post("externalcontact/get_unassigned_list", {})["info"]
    assert unassigned == look(lived, "unassigned")
    active = {(item["userid"], item["external_userid"]) for item in lived.corp("pairs") if item["state"] == "active"}
    serving = set(lived.get("externalcontact/get_follow_user_list")["follow_user"])
    found = {(item["handover_userid"], item["external_userid"]) for item in unassigned}
    assert found <= active
    assert not {userid for userid, _ in found} & serving


def test_chats_read_as_they_are(lived):
    """Members and versions are those of the state, and a dismissed or hidden chat is refused."""
    listed = lived.post("externalcontact/groupchat/list", {"limit": 1000})["group_chat_list"]
    assert {item["chat_id"] for item in listed} <= {item["chat_id"] for item in look(lived, "chats")}
    for chat in look(lived, "chats"):
        answer = lived.post("externalcontact/groupchat/get", {"chat_id": chat["chat_id"]})
        if answer["errcode"]:
            assert answer["errcode"] == 90501
            continue
        seen = answer["group_chat"]
        assert seen["member_version"] == chat["member_version"]
        assert seen["owner"] == chat["owner"]
        assert [item["userid"] for item in seen["member_list"]] == [item["userid"] for item in chat["members"]]


def test_no_tag_is_seen_that_the_full_list_lacks(lived):
    """Deleted tags have left the customers."""
    groups = lived.post("externalcontact/get_corp_tag_list", {})["tag_group"]
    known = {tag["id"] for group in groups for tag in group["tag"]}
    serving = lived.get("externalcontact/get_follow_user_list")["follow_user"]
    assert {tag for row in walk(lived, serving).values() for tag in row["tag_id"]} <= known


def test_the_quota_is_what_the_ways_use(lived):
    """Deleted ways of both kinds give theirs back."""
    assert look(lived, "contact_ways")["spent"] == len(look(lived, "contact_ways")["ways"]) + len(
        look(lived, "join_ways")
    )
