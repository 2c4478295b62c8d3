"""Files, imports and exports as they are answered."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from console.api.personal import Words
from services.files.model import File, Job
from services.files.words import file_words, row_words


class Told(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class FileOut(BaseModel):
    """`origin`: upload, failures or export. `state`: coming or ready; only a ready one has content."""

    id: int
    origin: str
    format: str | None
    name: Words
    state: str
    size: int
    created_at: datetime
    created_by: str
    expires_at: datetime

    @classmethod
    def of(cls, file: File) -> Self:
        return cls(**{name: getattr(file, name) for name in cls.model_fields})


class FilesOut(BaseModel):
    files: list[FileOut]


class RowProblemOut(BaseModel):
    row: int
    reason: Told


class CheckOut(BaseModel):
    """What an import would do. `repeated`: rows of persons whom an earlier row of the file makes."""

    columns: list[str]
    mapping: dict[str, str]
    counts: dict[str, int]
    repeated: int
    problems: list[RowProblemOut]


class JobOut(BaseModel):
    """`state`: checking, checked (imports wait here for their start), running, done, failed, cancelled."""

    id: int
    state: str
    file_id: int | None
    problem: Told | None
    total: int | None
    done: int
    rows_per_s: float | None
    remaining_s: float | None
    by_whom: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        told: dict[str, Any] = {name: getattr(job, name) for name in JobOut.model_fields}
        if job.problem is not None:
            zh, en = file_words(job.problem)
            told["problem"] = Told(zh=zh, en=en)
        return cls(**told, **cls.more(job))

    @classmethod
    def more(cls, _job: Job) -> dict[str, Any]:
        return {}


class ImportOut(JobOut):
    """`counts`: rows by what became of them. `failures_id`: the file of those that failed."""

    counts: dict[str, int]
    failures_id: int | None
    check: CheckOut | None

    @classmethod
    def more(cls, job: Job) -> dict[str, Any]:
        return {"counts": job.counts, "failures_id": job.failures_id, "check": _check(job)}


class ExportOut(JobOut):
    pass


class ImportsOut(BaseModel):
    imports: list[ImportOut]


class ExportsOut(BaseModel):
    exports: list[ExportOut]


class ColumnOut(BaseModel):
    name: str
    zh: str
    en: str
    personal: bool


class ColumnsOut(BaseModel):
    columns: list[ColumnOut]


def _check(job: Job) -> CheckOut | None:
    if job.found is None:
        return None
    problems = []
    for one in job.found["problems"]:
        zh, en = row_words(one["reasons"])
        problems.append(RowProblemOut(row=one["row"], reason=Told(zh=zh, en=en)))
    return CheckOut(**{**job.found, "problems": problems})
