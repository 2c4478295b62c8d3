"""What people did, counted by day."""

from simulator.family import Family
from simulator.statistics import api, chats
from simulator.statistics.acts import ACTS
from simulator.statistics.settings import StatisticsSettings

FAMILY = Family("statistics", {**api.ENDPOINTS, **chats.ENDPOINTS}, ACTS, StatisticsSettings)
