"""Member login and JS tickets."""

from simulator.family import Family
from simulator.login.acts import ACTS
from simulator.login.api import ENDPOINTS
from simulator.login.settings import LoginSettings

FAMILY = Family("login", ENDPOINTS, ACTS, LoginSettings)
