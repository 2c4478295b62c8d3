"""Members and departments."""

from simulator.address_book.api import ENDPOINTS
from simulator.family import Family

FAMILY = Family("address_book", ENDPOINTS)
