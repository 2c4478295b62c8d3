"""The first messages of a fresh process, while threads still load what they need."""

import subprocess
import sys

ASK = """
import sys, threading, time
from notifier import messages
sys.setswitchinterval(1e-6)
seen = []
def ask(after_s):
    time.sleep(after_s)
    seen.append(len(messages.specs()))
threads = [threading.Thread(target=ask, args=(n / 2000,)) for n in range(100)]
[one.start() for one in threads]
[one.join() for one in threads]
print(*seen)
"""


def test_threads_that_ask_while_another_loads_all_see_every_kind():
    """A lane that looks while another loads does not take a kind for one that nobody can write (G3)."""
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=60)
    seen = [int(one) for one in done.stdout.split()]
    assert len(seen) == 100
    assert len(set(seen)) == 1
