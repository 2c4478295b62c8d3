"""Messages to customers that members confirm."""

from simulator.family import Family

FAMILY = Family("broadcasts")
