"""Two stacks on one machine never choose the same port."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from commands.ports import PortError, Ports, address

PROJECT = Path(__file__).resolve().parents[2]
CHOOSE = """
import sys
from commands.ports import Ports
ports = Ports()
print(ports.take(wanted=int(sys.argv[1]), or_other=True), *(ports.take() for _ in range(20)), flush=True)
sys.stdin.read()
"""


def unused() -> int:
    ports = Ports()
    port = ports.take()
    ports.release()
    return port


def test_processes_that_choose_at_the_same_time_choose_different_ports():
    """A port that a living stack has chosen is nobody else's, long before anything listens there."""
    wanted = str(unused())
    argv = [sys.executable, "-c", CHOOSE, wanted]
    choosers = [
        subprocess.Popen(argv, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    chosen = [port for chooser in choosers if chooser.stdout for port in chooser.stdout.readline().split()]
    assert len(chosen) == len(set(chosen)) == 4 * 21
    assert wanted in chosen
    for chooser in choosers:
        chooser.communicate()
    ports = Ports()
    assert ports.take(wanted=int(wanted)) == int(wanted)
    ports.release()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_where_somebody_listens_is_refused_or_gives_way(host: str):
    """Only who may move, moves."""
    ports = Ports()
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortError, match="is in use") as caught:
            ports.take(host, port)
        assert address(host, port) in str(caught.value)
        assert ports.take(host, port, or_other=True) != port
    assert ports.take(host, port) == port
    ports.release()


def test_an_address_of_another_machine_is_refused_with_its_name():
    """Neither a traceback nor another address (RFC 5737: 192.0.2.1 is nobody's)."""
    ports = Ports()
    port = ports.take()
    ports.release()
    with pytest.raises(PortError, match=rf"cannot listen on 192\.0\.2\.1:{port}"):
        ports.take("192.0.2.1", port)


def test_an_ipv6_host_stands_in_brackets():
    """RFC 3986, 3.2.2."""
    assert (address("::1", 8750), address("127.0.0.1", 8750)) == ("[::1]:8750", "127.0.0.1:8750")
