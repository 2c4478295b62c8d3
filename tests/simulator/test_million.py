"""A million customers in one simulator: memory, and the time of a page."""

import sys
import time
from pathlib import Path

import pytest

CORP = "wwsimtest0001"
MEMBERS, CUSTOMERS, PAGES = 200, 1_000_000, 200
MOST_MIB = 4096


@pytest.fixture
def million(start_simulator):
    """A simulator of its own, with 1,000,000 customers; (URL, process id)."""
    child, url = start_simulator()
    return url, child.pid


def memory_mib(pid, field):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) // 1024


@pytest.mark.long
@pytest.mark.parametrize("followers_each", [1, 3])
def test_a_million_customers_fit_and_every_page_is_quick(sim, million, followers_each):
    """Less than 4 GiB, no swap, 200 pages of 100 rows, and the list of one member."""
    sim.url, pid = million
    userids = [f"m{number}" for number in range(MEMBERS)]
    sim.sim("corps", {"corp_id": CORP, "apps": [{"name": "Guanxi", "secret": "secret-one", "agent_id": 1000002}]})
    sim.corp("members", [{"userid": userid} for userid in userids])
    sim.sign_in()
    began = time.monotonic()
    order = {"count": CUSTOMERS, "userids": userids, "followers_each": followers_each, "mobiles": 0.2}
    made = sim.http.post(f"{sim.url}/sim/corps/{CORP}/customers/bulk", json=order, timeout=300).json()
    took = time.monotonic() - began
    assert made == {"count": CUSTOMERS}
    pages, slowest, cursor = 0, 0.0, ""
    while pages < PAGES:
        asked = time.monotonic()
        answer = sim.post(
            "externalcontact/batch/get_by_user", {"userid_list": userids[:100], "limit": 100, "cursor": cursor}
        )
        slowest = max(slowest, time.monotonic() - asked)
        assert len(answer["external_contact_list"]) == 100
        pages, cursor = pages + 1, answer["next_cursor"]
    listed = sim.get("externalcontact/list", userid="m7")["external_userid"]
    assert len(listed) == CUSTOMERS * followers_each // MEMBERS
    rss = memory_mib(pid, "VmRSS")
    numbers = f"{CUSTOMERS * followers_each / took:,.0f} pairs/s, RSS {rss} MiB, slowest page {slowest * 1000:.1f} ms"
    sys.stdout.write(f"{numbers}\n")
    assert rss < MOST_MIB
    assert memory_mib(pid, "VmSwap") == 0
    assert slowest < 1
    assert CUSTOMERS * followers_each / took > 30_000  # 190,000 and more on an idle machine
