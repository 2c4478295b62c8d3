"""Frequency limits with their blocks, concurrency, and how calls are counted."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from simulator.limits import DAY_S, Limiter

CORP, SECRET = "wwsimtest0001", "secret-one"
OTHER = "wwsimother001"
HOUR = 3600


@pytest.fixture
def timed(sim):
    """The simulated clock stands 15 minutes and 30 seconds into an hour of a Beijing morning, give or take."""
    now = sim.sim("clock")["now"]
    start = (int(now) // 86_400 + 2) * 86_400 + 15 * 60 + 30
    sim.sim("clock", {"advance_s": start - now})
    sim.sign_in()
    return sim


def user_get(sim, **query):
    return sim.get("user/get", userid="LiNa", **query)["errcode"]


def calls(sim, count):
    return Counter(user_get(sim) for _ in range(count))


def wait(sim, seconds):
    sim.sim("clock", {"advance_s": seconds})


def other_corp(sim, address=""):
    """A second corp's client, at another address when one is named."""
    sim.sim("corps", {"corp_id": OTHER, "apps": [{"secret": "other", "agent_id": 1}]})
    sim.sim(f"corps/{OTHER}/members", [{"userid": "LiNa"}])
    token = sim.http.get(f"{sim.url}/cgi-bin/gettoken", params={"corpid": OTHER, "corpsecret": "other"}, timeout=5)
    query = {"access_token": token.json()["access_token"], "userid": "LiNa"}

    def call(path="user/get"):
        headers = {"X-Simulated-Ip": address} if address else {}
        return requests.get(f"{sim.url}/cgi-bin/{path}", params=query, headers=headers, timeout=5).json()["errcode"]

    return call


def test_platform_07_the_defaults_are_the_published_numbers(sim):
    """10,000 and 150,000 per corp and API, 20,000 and 600,000 per address, 40,000 and 1,200,000 per provider's."""
    assert sim.sim("limits", {}) == {
        "per_minute": 10_000,
        "per_hour": 150_000,
        "ip_per_minute": 20_000,
        "ip_per_hour": 600_000,
        "provider_ip_per_minute": 40_000,
        "provider_ip_per_hour": 1_200_000,
        "concurrency": 10,
        "concurrency_all": 200,
        "window": "fixed",
    }


def test_contact_42_a_minute_limit_blocks_for_sixty_seconds_from_then_on(timed):
    """Not until the minute turns: the block begins with the call that was one too many."""
    timed.sim("limits", {"per_minute": 3})
    assert calls(timed, 5) == {0: 3, 45009: 2}
    wait(timed, 40)
    assert user_get(timed) == 45009
    wait(timed, 25)
    assert user_get(timed) == 0


def test_contact_42_calls_during_a_block_do_not_prolong_it(timed):
    """Trying again and again costs nothing but the calls."""
    timed.sim("limits", {"per_minute": 1})
    calls(timed, 2)
    for _ in range(5):
        wait(timed, 10)
        assert user_get(timed) == 45009
    wait(timed, 12)
    assert user_get(timed) == 0


def test_contact_42_an_hour_limit_blocks_for_sixty_minutes(timed):
    """Longer than the rest of the hour."""
    timed.sim("limits", {"per_hour": 3})
    assert calls(timed, 4) == {0: 3, 45009: 1}
    wait(timed, HOUR - 20)
    assert user_get(timed) == 45009
    wait(timed, 30)
    timed.sign_in()
    assert user_get(timed) == 0


def test_platform_07_a_limit_belongs_to_one_corp_and_one_api(timed):
    """Other APIs of the corp and other corps at the same API go on; the corp's apps share."""
    other = other_corp(timed)
    timed.sim("limits", {"per_minute": 2})
    assert calls(timed, 3) == {0: 2, 45009: 1}
    timed.sign_in(secret="secret-two")
    assert user_get(timed) == 45009
    assert timed.get("department/list")["errcode"] == 0
    assert other() == 0


def test_platform_07_an_address_has_limits_of_its_own(timed):
    """All corps together, per API, by the caller's address; another address goes on."""
    timed.sim("settings", {"platform": {"ip_header": True}})
    near, far = other_corp(timed), other_corp(timed, "198.51.100.7")
    timed.sim("limits", {"ip_per_minute": 3})
    assert [user_get(timed), user_get(timed), near(), near()] == [0, 0, 0, 45009]
    assert user_get(timed) == 45009
    assert far() == 0
    wait(timed, 61)
    assert near() == 0


def test_platform_07_an_address_is_blocked_for_an_hour_by_its_hour_limit(timed):
    """600,000 an hour by default; the block is 60 minutes."""
    timed.sim("limits", {"ip_per_hour": 2})
    assert calls(timed, 3) == {0: 2, 45009: 1}
    wait(timed, HOUR - 20)
    assert user_get(timed) == 45009
    wait(timed, 30)
    timed.sign_in()
    assert user_get(timed) == 0


def test_platform_07_fixed_windows_turn_with_the_clock_and_sliding_ones_look_back(timed):
    """Which of the two WeCom has is not published, so both can be had."""
    for window, after in (("fixed", 0), ("sliding", 45009)):
        timed.sim("limits", {"per_minute": 3, "window": window})
        assert calls(timed, 3) == {0: 3}
        wait(timed, 35)
        assert user_get(timed) == after
        wait(timed, 145)
    wait(timed, 25)
    timed.sim("limits", {"window": "sliding"})
    assert calls(timed, 3) == {0: 3}
    wait(timed, 61)
    assert calls(timed, 3) == {0: 3}


def test_platform_07_a_month_and_a_day_have_their_own_blocks():
    """A day's block ends with the natural day of UTC+8, a month's lasts 30 days."""
    limiter, noon = Limiter(), 1_790_000_000 // DAY_S * DAY_S + 4 * HOUR
    assert [limiter.take(("x",), 1, window="day", now=noon) for _ in range(2)] == [True, False]
    assert not limiter.take(("x",), 1, window="day", now=noon + 12 * HOUR - 1)
    assert limiter.take(("x",), 1, window="day", now=noon + 12 * HOUR)
    assert [limiter.take(("y",), 1, window="month", now=noon) for _ in range(2)] == [True, False]
    assert not limiter.take(("y",), 1, window="month", now=noon + 30 * DAY_S - 1)
    assert limiter.take(("y",), 1, window="month", now=noon + 30 * DAY_S)


def test_platform_07_debug_lowers_the_limit_to_five_a_minute(timed):
    """debug=1 on the address; without it the calls go on."""
    assert [user_get(timed, debug=1) for _ in range(6)] == [0] * 5 + [45009]
    assert user_get(timed) == 0


def test_platform_07_sending_messages_does_not_count(timed):
    """message/send has limits of its own."""
    timed.sim("limits", {"per_minute": 1, "ip_per_minute": 1})
    body = {"touser": "LiNa", "msgtype": "text", "text": {"content": "x"}, "agentid": 1000002}
    assert [timed.post("message/send", body)["errcode"] for _ in range(3)] == [0, 0, 0]


def test_platform_07_a_valid_login_code_is_exempt(timed):
    """auth/getuserinfo counts only when it is refused, and then it is blocked like the others."""
    timed.sim("limits", {"per_minute": 2})
    assert [timed.get("auth/getuserinfo", code="wrong")["errcode"] for _ in range(3)] == [40029, 40029, 45009]


def together(sim, count, path="externalcontact/list", method="GET"):
    """The codes of `count` calls that begin at once."""
    barrier = threading.Barrier(count)
    query = {"access_token": sim.token, "userid": "LiNa"}

    def call(_):
        barrier.wait(5)
        return requests.request(method, f"{sim.url}/cgi-bin/{path}", params=query, json={}, timeout=10).json()[
            "errcode"
        ]

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(call, range(count)))


def test_contact_42_too_many_reads_at_once_are_45033(sim):
    """Ten by default for APIs that read; the others of the same moment are refused, and later calls go on."""
    sim.act("add", userid="LiNa", silent=True)
    sim.sim("faults", {"path": "externalcontact/list", "latency_ms": 900})
    assert together(sim, 14) == {0: 10, 45033: 4}
    sim.sim("faults", {"clear": True})
    assert sim.get("externalcontact/list", userid="LiNa")["errcode"] == 0


def test_contact_42_writes_have_the_wider_limit(sim):
    """concurrency_all holds for every API, concurrency only for reading ones."""
    sim.sim("limits", {"concurrency": 1, "concurrency_all": 3})
    sim.sim("faults", {"path": "externalcontact/remark", "latency_ms": 900})
    found = together(sim, 5, "externalcontact/remark", "POST")
    assert (found[45033], sum(found.values())) == (2, 5)


def test_contact_42_a_call_whose_answer_hangs_is_still_under_way(sim):
    """The work is done, but the place is taken until the answer goes out."""
    sim.sim("limits", {"concurrency": 1})
    sim.sim("faults", {"path": "user/get", "hang_s": 0.8, "times": 1})
    query = {"access_token": sim.token, "userid": "LiNa"}
    slow = threading.Thread(target=requests.get, args=(f"{sim.url}/cgi-bin/user/get",), kwargs={"params": query})
    slow.start()
    assert any("user/get" in sim.sim("calls") for _ in range(200))
    assert user_get(sim) == 45033
    slow.join()
    assert user_get(sim) == 0


def test_contact_42_a_block_can_be_forced(timed):
    """45009 for that corp and API, for as long as told, whatever was counted."""
    other = other_corp(timed)
    timed.sim("faults", {"path": "user/get", "block_s": 60, "corp_id": CORP})
    assert user_get(timed) == 45009
    assert (other(), timed.get("department/list")["errcode"]) == (0, 0)
    wait(timed, 58)
    assert user_get(timed) == 45009
    wait(timed, 5)
    assert user_get(timed) == 0


def test_contact_42_limits_can_be_set_as_before_and_count_anew(timed):
    """The three old keys stay; setting anything forgets counts and blocks; unknown names are refused."""
    timed.sim("limits", {"per_minute": 1, "per_hour": 100, "concurrency": 5})
    assert calls(timed, 2) == {0: 1, 45009: 1}
    timed.sim("limits", {"per_minute": 1})
    assert user_get(timed) == 0
    assert "unknown limit" in timed.sim("limits", {"per_second": 1}, status=400)["error"]
    assert "fixed or sliding" in timed.sim("limits", {"window": "round"}, status=400)["error"]


def test_calls_are_counted_by_second_for_load_tests(sim):
    """Calls of the last seconds by both clocks, the fullest second and minute, and the codes, by API and corp."""
    other = other_corp(sim)
    for _ in range(6):
        user_get(sim)
    sim.get("user/get", userid="nobody")
    other()
    found = sim.sim(f"calls/rate?path=user/get&corp_id={CORP}&seconds=30")
    for clock in ("real", "simulated"):
        assert (found[clock]["calls"], found[clock]["codes"]) == (7, {"0": 6, "60111": 1})
        assert found[clock]["per_s"] == round(7 / 30, 3)
        assert found[clock]["most_in_60_s"] == 7
        assert 4 <= found[clock]["most_in_1_s"] <= 7
    assert sim.sim("calls/rate?path=user/get")["real"]["calls"] == 8
    wait(sim, 100)
    later = sim.sim(f"calls/rate?path=user/get&corp_id={CORP}")
    assert (later["simulated"]["calls"], later["real"]["calls"]) == (0, 7)
    assert sim.sim("calls")["user/get"] == {"0": 7, "60111": 1}
