"""Messages of an app to members."""

from simulator.family import Family
from simulator.messages.api import ENDPOINTS

FAMILY = Family("messages", ENDPOINTS)
