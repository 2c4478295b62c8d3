"""The process: how it starts, what it refuses, how it ends; the page; and activity."""

import signal
import subprocess
import sys
import time

import requests
from wechatpy.enterprise import WeChatClient

CORP = "wwsimtest0001"


def simulator(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def gone(url):
    """Whether nobody answers any more, after at most five seconds."""
    for _ in range(50):
        try:
            requests.get(f"{url}/healthz", timeout=1)
        except requests.ConnectionError:
            return True
        time.sleep(0.1)
    return False


def test_it_stops_on_sigterm_and_on_sigint(start_simulator):
    """A polite end is exit code 0."""
    for name in (signal.SIGTERM, signal.SIGINT):
        child, url = start_simulator()
        assert requests.get(f"{url}/healthz", timeout=5).status_code == 200
        child.send_signal(name)
        assert child.wait(10) == 0


def test_it_ends_with_the_process_that_started_it():
    """A killed parent leaves no simulator behind."""
    starts = (
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'simulator', '--bind', '127.0.0.1:0']\n"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE, text=True)
    url = parent.stdout.readline().split()[-1]
    parent.kill()
    parent.wait()
    assert gone(url)


def test_it_refuses_an_address_that_others_can_reach():
    """Nothing is protected, so other machines must be let in on purpose."""
    found = simulator("--bind", "0.0.0.0:0")
    assert found.returncode == 2
    assert "--allow-remote" in found.stderr


def test_it_refuses_a_port_in_use(simulator_url):
    """Two simulators never share a port."""
    found = simulator("--bind", simulator_url.removeprefix("http://"))
    assert found.returncode == 1
    assert "cannot listen" in found.stderr


def test_the_page_shows_the_corp_and_acts_by_forms(sim):
    """The page adds a customer, deletes the relation, edits a remark and shows messages."""
    form = {"do": "add", "userid": "LiNa", "name": "<b>客户甲</b>"}
    page = requests.post(f"{sim.url}/corps/{CORP}/act", data=form, timeout=5)
    assert page.status_code == 200
    assert "&lt;b&gt;客户甲&lt;/b&gt;" in page.text
    pair = {"userid": "LiNa", "external_userid": sim.corp("pairs")[0]["external_userid"]}
    requests.post(f"{sim.url}/corps/{CORP}/act", data={"do": "edit", "remark": "老友", **pair}, timeout=5)
    requests.post(f"{sim.url}/corps/{CORP}/act", data={"do": "customer_deletes", **pair}, timeout=5)
    assert [(item["remark"], item["state"]) for item in sim.corp("pairs")] == [("老友", "deleted_by_customer")]
    body = {"touser": "LiNa", "msgtype": "text", "agentid": 1000002, "text": {"content": "请回访"}}
    sim.post("message/send", body)
    assert "请回访" in requests.get(sim.url, timeout=5).text


def test_activity_goes_on_until_it_is_stopped(sim, pushed):
    """Per minute many small actions happen, with their callbacks; 0 stops them."""
    sim.corp("activity", {"per_minute": 6000})
    while sim.sim("callbacks")["acked"] < 50:
        time.sleep(0.05)
    sim.corp("activity", {"per_minute": 0})
    found = pushed()
    adds = sum("add_external_contact" in item for item in found)
    assert len(found) >= 50
    assert adds > len(found) / 3
    assert len({item["state"] for item in sim.corp("pairs")}) > 1


def test_a_public_client_library_works_against_it(sim):
    """wechatpy reads customers and sends a message."""
    made = sim.act("add", userid="LiNa")["external_userid"]
    client = WeChatClient(CORP, "secret-one", access_token=sim.token)
    client.API_BASE_URL = f"{sim.url}/cgi-bin/"
    assert client.external_contact.list("LiNa")["external_userid"] == [made]
    assert client.user.get("LiNa")["name"] == "李娜"
    assert client.message.send_text(1000002, "LiNa", "你好")["errcode"] == 0


def test_reset_empties_everything(sim):
    """After a reset there is no corp, no count and no fault."""
    sim.sim("faults", {"path": "user/get", "errcode": -1})
    sim.sim("reset", {})
    assert sim.sim("calls") == {}
    assert sim.sim("faults")["errors"] == {}
    sim.corp("pairs", status=404)


def test_a_wrong_request_to_the_control_api_says_what_is_wrong(sim):
    """400 for malformed or missing input, 404 for an unknown corp."""
    assert "userids" in sim.corp("customers/bulk", {"count": 1}, status=400)["error"]
    assert "per_minute" in sim.corp("activity", {}, status=400)["error"]
    assert "unknown fault" in sim.sim("faults", {"nonsense": 1}, status=400)["error"]
    assert "wwnobody" in sim.sim("corps/wwnobody/pairs", status=404)["error"]
