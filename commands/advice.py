"""One sentence for each ordinary outage, instead of a traceback; never with what might be secret or personal."""

from redis.exceptions import RedisError
from sqlalchemy.exc import ArgumentError, DBAPIError

from commands.ports import PortError
from shared.corp_file import CorpFileError
from shared.db.engine import describe, is_away
from shared.embedded import EmbeddedServerError
from shared.settings import SettingsError
from shared.supervise import NotReadyError
from shared.vault import VaultError

# Source: PostgreSQL, appendix A: undefined table, undefined column, invalid schema name, undefined function.
OLD_SCHEMA = {"42P01", "42703", "3F000", "42883"}


def advice_for(error: BaseException) -> str | None:
    """What to tell an operator; None for what is our bug."""
    match error:
        case DBAPIError():
            advice = _of_database(error)
        case ArgumentError():
            advice = "GUANXI_DATABASE_URL is malformed: write postgresql://user:password@host:5432/database"
        case RedisError():
            advice = f"Redis does not answer ({type(error).__name__}): is it running, is GUANXI_REDIS_URL right?"
        case VaultError():
            advice = f"GUANXI_SECRET_KEY does not open what is stored ({error}): was it changed?"
        case NotReadyError():
            advice = f"{error}\nIts last lines say why; if the machine was only slow, try again."
        case SettingsError() | CorpFileError() | EmbeddedServerError() | PortError():
            advice = str(error)
        case _:
            return None
    return advice


def exit_code(error: BaseException) -> int:
    """2 for wrong use, 1 for everything else that has advice."""
    return 2 if isinstance(error, SettingsError) else 1


def _of_database(error: DBAPIError) -> str:
    if getattr(error.orig, "sqlstate", None) in OLD_SCHEMA:
        return "the database's schema is missing or older than this program: run `guanxi migrate`"
    if is_away(error):
        return f"the database does not answer ({describe(error)}): is it running, is GUANXI_DATABASE_URL right?"
    return f"the database refused what was asked ({describe(error)}); please report it"
