"""Takes jobs that are due, one after the other, and carries each out or says why it cannot be."""

import structlog

from services.files.jobs import MOST_TRIES, LostJobError
from services.files.model import Kind, NoFileError, State
from shared.db.engine import describe, is_away
from shared.runtime import Runtime
from sync_worker.files import checking, exporting, importing
from sync_worker.files.work import Work, claim_work

log = structlog.get_logger()


def work_once(runtime: Runtime) -> bool:
    """Carry out the next job that is due; False: there is none.

    Raises:
        whatever is no fault of the file's: the lease ends by itself, and another process tries again.
    """
    work = claim_work(runtime)
    if work is None:
        return False
    job = work.job
    told = log.bind(tenant_id=job.tenant_id, job_id=job.id, kind=job.kind.value, state=job.state.value)
    told.info("file_job.taken", attempt=job.tries)
    try:
        if job.tries > MOST_TRIES:
            work.fail("crashed")
        else:
            _carry_out(work)
    except LostJobError:
        told.info("file_job.lost")
        return True
    except NoFileError:  # somebody deleted what was being written
        work.fail("file_gone")
    except MemoryError:
        work.fail("crashed")
    except Exception as error:
        told.log(30 if is_away(error) else 40, "file_job.failed", error=describe(error), exc_info=not is_away(error))
        raise
    told.info("file_job.left")
    return True


def _carry_out(work: Work) -> None:
    if work.job.kind is Kind.EXPORT:
        exporting.run(work)
    elif work.job.state is State.CHECKING:
        checking.check(work)
    else:
        importing.run(work)
