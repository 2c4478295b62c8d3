"""The corp tags of a corp."""

from dataclasses import dataclass, field


@dataclass
class TagBook:
    """tag id -> (group name, tag name)."""

    names: dict[str, tuple[str, str]] = field(default_factory=dict)
