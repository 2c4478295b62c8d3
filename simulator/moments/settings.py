"""What WeCom does not publish about moments."""

from dataclasses import dataclass


@dataclass
class MomentSettings:
    # Not published: how long a job stands at 1, and when it is finished, counted from its creation.
    starts_after_s: float = 1.0
    finishes_after_s: float = 3.0
    # Not published: how long the task list of a new moment answers 41079, counted from the end of the job.
    dispatch_s: float = 0.0
    # Not published: the code for the eleventh creation of a minute, 45009 or 41078.
    too_often_code: int = 45009
    # People publish when they like; 0: only by the act publish_moment.
    auto_publish_after_s: float = 0.0
    # False: the corp has not switched moments on, and creating one is 41211.
    enabled: bool = True
