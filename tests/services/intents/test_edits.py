"""What our own pushes changed is nobody's edit; what they changed to is looked at (G4)."""

from datetime import UTC, datetime

import pytest

from services.customers.model import Friendship, Notes, Relation, State
from services.customers.plan import ContactPlan
from services.intents.edits import came_true
from services.intents.model import Intent
from shared.ids import ExternalUserId, UserId

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LINA = UserId("LiNa")


@pytest.mark.parametrize(
    ("shows", "pushes", "ours"), [("老友", 1, {LINA: {"remark"}}), ("李总", 1, {}), ("老友", 0, {})]
)
def test_only_what_came_true_of_a_push_is_ours(shows: str, pushes: int, ours: dict[UserId, set[str]]) -> None:
    """An associate who wrote over it has edited it, and what nobody has pushed is theirs as well."""
    after = Relation(LINA, State.ACTIVE, (Friendship(NOW),), notes=Notes(remark=shows))
    intent = Intent(1, LINA, "remark", "老友", frozenset(), NOW, pushes)
    assert came_true(ContactPlan(ExternalUserId("wm1"), relations=(after,)), [intent]) == ours
