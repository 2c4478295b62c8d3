"""What the address book remembers besides its members and departments."""

from dataclasses import dataclass, field


@dataclass
class AddressBook:
    """`renamed` are the members, by lower-cased userid, whose userid was changed: that can be done once."""

    renamed: set[str] = field(default_factory=set)
