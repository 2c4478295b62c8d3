"""Customers and their relations to members."""

from simulator.customers.acts import ACTS
from simulator.customers.api import ENDPOINTS
from simulator.customers.settings import CustomerSettings
from simulator.family import Family

FAMILY = Family("customers", ENDPOINTS, ACTS, CustomerSettings)
