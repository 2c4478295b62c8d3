"""WeCom's sample answers, given over HTTP in place of the simulator's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import responses
from requests import PreparedRequest

FOLDER = Path(__file__).parents[2] / "fixtures" / "responses"
VARIANT = re.compile(r"\.(error_\d+|last_page|filtered|pending|group|temp|wecom_user)$")


@dataclass(frozen=True)
class Asked:
    """What the client sent to the API."""

    requests: list[PreparedRequest]

    @property
    def bodies(self) -> list[Any]:
        return [one.body for one in self.requests]

    @property
    def queries(self) -> list[dict[str, str]]:
        """Without the access token."""
        return [{key: value for key, value in query.items() if key != "access_token"} for query in self.whole_queries]

    @property
    def whole_queries(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(urlsplit(one.url).query)) for one in self.requests]


@contextmanager
def answered(api: str, *answers: Any) -> Iterator[Asked]:
    """Every call of one API gets these answers in turn, the last one for ever; the token is still the simulator's."""
    asked, waiting = Asked([]), list(answers)

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        asked.requests.append(request)
        return 200, {}, orjson.dumps(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add_passthru(re.compile(r".*/gettoken.*"))
        for method in ("GET", "POST"):
            mocked.add_callback(method, re.compile(rf".*/cgi-bin/{api}(\?.*)?$"), answer)
        yield asked


@contextmanager
def sampled(name: str) -> Iterator[Asked]:
    """Every call of the API that the sample is named after gets the sample."""
    api = VARIANT.sub("", name).replace(".", "/")
    with answered(api, orjson.loads((FOLDER / f"{name}.json").read_bytes())) as asked:
        yield asked
