"""What is asked for at once, each over what the ones before it leave, as it will be pushed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.catalogue.check import check_asked, known_of, moot, reopened, same_new
from services.catalogue.model import NEW, Asked, NewTag, field_of
from services.catalogue.view import View
from services.intents.model import NOBODY, Intent, Value, Wish
from services.tags.model import Catalogue

NOT_KEPT_YET = 0


@dataclass
class Asking:
    """`intents`: open wishes, those that are asked for now at the end. `ended`: kept ones that make no sense any more.

    `wishes`: what is to be kept, each with what its author may have seen.
    """

    recorded: Catalogue
    intents: list[Intent]
    now: datetime
    ended: list[Intent] = field(default_factory=list)
    wishes: dict[str, tuple[Wish, Sequence[Value]]] = field(default_factory=dict)
    view: View = field(init=False)

    def __post_init__(self) -> None:
        self.view = self._view(self.intents)

    def _view(self, intents: Sequence[Intent]) -> View:
        return View.of_rows(self.recorded).with_wishes(intents)

    def add(self, asked: Asked, *, fresh: str) -> None:
        """`fresh`: an id that nothing has, for a tag that is to be made.

        Raises:
            WishRefusedError: WeCom could only refuse it.
        """
        rest = [one for one in self.intents if not reopened(one, asked)]
        changed = len(rest) < len(self.intents)
        check_asked(asked, self._view(rest) if changed else self.view, self.recorded)
        wish, seen = self._wish(asked, fresh)
        dropped = moot(self.intents, asked, self.recorded)
        self.ended += [one for one in dropped if one.id != NOT_KEPT_YET]
        for one in dropped:
            self.wishes.pop(one.field, None)
        self.wishes.pop(wish.field, None)  # the newer one comes last
        self.wishes[wish.field] = (wish, seen)
        out = {wish.field, *(one.field for one in dropped)}
        intent = Intent(NOT_KEPT_YET, NOBODY, wish.field, wish.desired, frozenset(seen), self.now)
        self.intents = [*(one for one in self.intents if one.field not in out), intent]
        if changed:
            self.view = self._view(self.intents)
        else:
            self.view.lay(intent)

    def _wish(self, asked: Asked, fresh: str) -> tuple[Wish, Sequence[Value]]:
        if isinstance(asked, NewTag):
            before = same_new(self.intents, asked)
            return Wish(NOBODY, before.field if before is not None else field_of(NEW, fresh), asked.written()), ()
        name, desired, seen = known_of(asked, self.recorded, self.intents)
        return Wish(NOBODY, name, desired), seen
