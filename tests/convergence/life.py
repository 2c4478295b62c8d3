"""The state machine: people act, the post loses and doubles, WeCom fails, workers die; at the end all must agree."""

from collections.abc import Sequence

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.convergence import passes
from tests.convergence.deeds import DEEDS, NUMBERS
from tests.convergence.hostility import LIFE, POST, SETTINGS, SMALL, TROUBLES, WORK, Arrival, Turn
from tests.convergence.relay import Trouble
from tests.convergence.scene import Scene
from tests.convergence.score import SCORES
from tests.convergence.stage import Stage
from tests.convergence.town import FRIEND, Deed, Town
from tests.convergence.verdict import differences, inventions, memory, unheeded, unread


class Life(RuleBasedStateMachine):
    stage: Stage

    def rehearse(self) -> None:
        """Before anything happens."""

    @initialize(
        wecom=SETTINGS,
        before=st.lists(DEEDS, min_size=4, max_size=14),
        two=st.sampled_from([False, False, False, True]),
        page_size=st.sampled_from([2, 3, 5, 9]),
        contact_sync=st.sampled_from(["", "secret-of-contact-sync"]),
        haste=st.sampled_from([False, False, True]),
        twice=st.sampled_from([True, False, False]),
    )
    def begin(
        self,
        wecom: dict[str, dict[str, object]],
        before: Sequence[Deed],
        two: bool,
        page_size: int,
        contact_sync: str,
        haste: bool,
        twice: bool,
    ) -> None:
        """`haste`: the resync at the end does not wait for what is under way; `twice`: another one follows."""
        self.rehearse()
        self.haste, self.twice = haste, twice
        towns = [Town("wwconverge00001", "secret-of-the-first-town", contact_sync)]
        towns += [Town("wwconverge00002", "secret-of-the-second-town")] if two else []
        self.stage.relay.page_size = page_size
        self.scene = Scene(self.stage, towns, wecom)
        self.scene.tell(f"WeCom: {wecom}")
        for deed in before:
            self.scene.act(towns[deed.c % len(towns)], deed)

    @rule(deeds=LIFE, moves=st.lists(POST, min_size=1, max_size=6), where=SMALL)
    def pushes_arrive(self, deeds: Sequence[Deed], moves: Sequence[Arrival], where: int) -> None:
        scene = self._people_act(deeds, where)
        for move in moves:
            if move.how == "all":
                scene.deliver_all()
            elif move.how == "lost":
                scene.lose(move.number)
            else:
                scene.deliver(move.number, copies=move.copies, keep=move.how == "not for the last time")

    @rule(deeds=LIFE, moves=st.lists(WORK, min_size=1, max_size=6), where=SMALL)
    def the_worker_works(self, deeds: Sequence[Deed], moves: Sequence[Turn], where: int) -> None:
        scene = self._people_act(deeds, where)
        for move in moves:
            if move.dies_after is not None:
                scene.tell(f"the worker will die {move.dies_after} statements from now")
                self.stage.axe.after = move.dies_after
            scene.safely(lambda move=move: self._work(move))

    def _work(self, move: Turn) -> None:
        scene = self.scene
        scene.tell(f"the worker: {move.what} {move.limit}")
        match move.what:
            case "route":
                scene.route(move.limit)
            case "reconcile":
                scene.reconcile(move.limit)
            case "walk":
                for _ in range(move.limit):
                    scene.walk()
            case "resync":
                passes.open_resync(scene.office)
            case _:
                scene.work()

    @rule(deeds=LIFE, troubles=st.lists(TROUBLES, min_size=1, max_size=3), where=SMALL)
    def wecom_will_fail(self, deeds: Sequence[Deed], troubles: Sequence[Trouble], where: int) -> None:
        scene = self._people_act(deeds, where)
        for trouble in troubles:
            scene.trouble(trouble)

    @rule(
        deeds=LIFE,
        after=SMALL,
        when=st.sampled_from(["before", "after"]),
        arrive=st.integers(0, 4),
        route=st.booleans(),
        rival=st.integers(0, 3),
        late=st.booleans(),
        where=SMALL,
    )
    def while_a_read_is_away(
        self,
        deeds: Sequence[Deed],
        after: int,
        when: str,
        arrive: int,
        route: bool,
        rival: int,
        late: bool,
        where: int,
    ) -> None:
        """People act, pushes arrive, another worker is quicker, or the lease ends, while an answer is on its way."""
        scene = self.scene

        def meanwhile() -> None:
            scene.tell("-- meanwhile:")
            self._people_act(deeds, where)
            for _ in range(arrive):
                scene.deliver(len(scene.pending) - 1)
            if late:
                scene.advance(61)
            other = scene.hire()
            if route:
                passes.route(other)
            if rival:
                other.reconciler.reconcile_due(limit=rival)
            scene.tell("-- end of meanwhile")

        scene.trouble(Trouble(after, f"meanwhile {when}"), meanwhile)

    @rule(number=NUMBERS, then=st.sampled_from(["edit", "customer_deletes", "edit", "member_deletes"]), where=SMALL)
    def two_things_at_once(self, number: int, then: str, where: int) -> None:
        """While a customer is read because of one push, another one about the same relation arrives and is routed."""
        scene, town = self.scene, self.scene.towns[where % len(self.scene.towns)]
        scene.befriend(town, number, 1)
        pair = town.pair(number, FRIEND)
        if pair is None:
            return

        def meanwhile() -> None:
            scene.count["two at once"] += 1
            scene.tell("-- meanwhile:")
            scene.advance(1)
            scene.carry_out(town, {"do": then, **pair} | ({"description": "又改"} if then == "edit" else {}))
            scene.deliver_all()
            passes.route(scene.hire())
            scene.tell("-- end of meanwhile")

        scene.advance(1)
        scene.carry_out(town, {"do": "edit", **pair, "description": f"改 {number}"})
        scene.deliver_all()
        scene.trouble(Trouble(0, "meanwhile after", about=f"external_userid={pair['external_userid']}"), meanwhile)
        scene.safely(lambda: scene.route() + scene.reconcile())
        with self.stage.axe.resting():
            scene.found += unread(scene, town, (pair["userid"], pair["external_userid"]))

    @rule(number=NUMBERS, out=st.sampled_from(["function_off", "function_off", "sight"]), where=SMALL)
    def somebody_goes_out_of_sight(self, number: int, out: str, where: int) -> None:
        """A member cannot be seen any more; then something happens between a customer of theirs and somebody else."""
        scene, town = self.scene, self.scene.towns[where % len(self.scene.towns)]
        scene.befriend(town, number, 2)
        found = town.shared_pair(number)
        if found is None:
            return
        hidden, other = found
        rest = [one for one in sorted(town.members) if one != hidden["userid"]]
        order = {"userid": hidden["userid"]} if out == "function_off" else {"sight": {"visible": rest}}
        scene.count["out of sight"] += 1
        scene.advance(1)
        scene.carry_out(town, {"do": out, **order})
        scene.carry_out(town, {"do": "edit", **other, "description": f"看 {number}"})
        scene.deliver_all()
        scene.safely(lambda: scene.route() + scene.reconcile())

    @rule(
        deeds=LIFE,
        seconds=st.sampled_from([2, 61, 700, 4000, 90_000]),
        tokens=st.sampled_from(["", "", "dead", "expired"]),
    )
    def time_passes(self, deeds: Sequence[Deed], seconds: int, tokens: str) -> None:
        scene = self._people_act(deeds, 0)
        scene.tell(f"{seconds} s pass; tokens: {tokens or 'good'}")
        scene.advance(seconds)
        if tokens:
            scene.corp.post("/sim/tokens/revoke", {"expired": tokens == "expired"})

    def _people_act(self, deeds: Sequence[Deed], where: int) -> Scene:
        for deed in deeds:
            self.scene.act(self.scene.towns[where % len(self.scene.towns)], deed)
        return self.scene

    # The end.

    def teardown(self) -> None:
        if not hasattr(self, "scene"):
            return
        try:
            self._end()
            SCORES.counts.update(self.scene.count)
        except BaseException:
            for line in self.scene.story:
                note(line)
            raise

    def _end(self) -> None:
        scene = self.scene
        assert not scene.found, "\n".join(scene.found)
        scene.peace()
        while scene.pending:
            (scene.deliver if len(scene.pending) % 3 else scene.lose)(0)
        if not self.haste or passes.is_open(scene.office):  # a pass that began before the end proves nothing
            scene.settle()
            self._nothing_invented()
            found = unheeded(scene)
            assert not found, "\n".join(found)
        scene.tell("the resync")
        passes.open_resync(scene.office)
        scene.settle()
        self._nothing_invented()
        found = differences(scene)
        assert not found, "\n".join(found)
        if not self.twice:
            return
        scene.tell("a second resync")
        before = memory(scene)
        passes.open_resync(scene.office)
        scene.settle()
        after = memory(scene)
        for table, rows in after.items():
            assert rows == before[table], (table, set(rows) ^ set(before[table]))

    def _nothing_invented(self) -> None:
        found = inventions(self.scene)
        assert not found, "\n".join(found)
