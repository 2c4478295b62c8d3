"""For any order, loss and repetition of callbacks, any faults and kills, one resync later all agrees (G2).

A seed is a play. `CONVERGENCE_SEED=<number> make test T=tests/convergence` plays one again (`<first>-<last>` several);
with CONVERGENCE_SHRINK=1 a shorter play that fails is looked for.
"""

import os
from time import monotonic

import pytest
from hypothesis import HealthCheck, Phase, reject, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.life import Life
from tests.convergence.score import SCORES
from tests.convergence.stage import Stage

STEPS = 25
ONLY = os.environ.get("CONVERGENCE_SEED")
FIRST, LAST = (int(ONLY.partition("-")[0]), int(ONLY.rpartition("-")[2])) if ONLY else (0, 5)
LONG = [*range(6, 12), *range(1000, 1300)]


def play(stage: Stage, number: int) -> None:
    class Play(Life):
        rehearsed = False

        def rehearse(self) -> None:
            """The first play of a seed would be the simplest one there is, whatever the seed: it is left out."""
            if not Play.rehearsed:
                Play.rehearsed = True
                reject()

    Play.stage = stage
    shrink = [Phase.shrink] if os.environ.get("CONVERGENCE_SHRINK") else []
    run_state_machine_as_test(
        seed(number)(Play),
        settings=settings(
            max_examples=1,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, *shrink],
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def play_and_score(stage: Stage, number: int) -> None:
    started = monotonic()
    SCORES.seeds.append(number)
    try:
        play(stage, number)
    except BaseException:
        SCORES.failed.append(number)
        raise
    finally:
        SCORES.seconds += monotonic() - started


@pytest.mark.parametrize("number", range(FIRST, LAST + 1))
def test_all_agrees_after_one_resync(stage: Stage, number: int) -> None:
    """Local state = what reads show plus all evidence received, and a second resync changes nothing (G2)."""
    play_and_score(stage, number)


@pytest.mark.long
@pytest.mark.parametrize("number", LONG)
def test_all_agrees_in_many_plays(stage: Stage, number: int) -> None:
    """The same for many more plays (G2)."""
    play_and_score(stage, number)
