"""Customers as a SELECT that other statements embed, so that what a filter finds never passes through Python. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Selection:
    """`sql` yields one column, `customer_id`, of one tenant. The names of all parameters start with `f_`."""

    sql: str
    parameters: Mapping[str, object] = field(repr=False)
