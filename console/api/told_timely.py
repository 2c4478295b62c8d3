"""What the clock reminds of, as it is answered."""

from pydantic import BaseModel

from console.api.asked_timely import DaysIn, DeletionsIn, LeaversIn, SilenceIn


class ReminderKindsOut(BaseModel):
    """As it is set, or usual."""

    deletions: DeletionsIn
    leavers: LeaversIn
    stages: list[DaysIn]
    silence: list[SilenceIn]
