"""Bodies are read without trust: whatever arrives, it is fields or a BodyError."""

import contextlib
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.body import MAX_DEPTH, Body, BodyError, read_body

SAMPLES = Path(__file__).parents[1] / "fixtures" / "events"


def xml(inside: str, *, before: str = "") -> bytes:
    return f"{before}<xml>{inside}</xml>".encode()


@pytest.mark.parametrize(
    ("body", "event", "change", "created"),
    [
        (xml("<Event>e</Event><ChangeType>c</ChangeType><CreateTime>1</CreateTime>"), "e", "c", "1"),
        (xml("<MsgType>event</MsgType><Event>e</Event>"), "e", "", ""),
        (xml("<InfoType>suite_ticket</InfoType><TimeStamp>2</TimeStamp>"), "suite_ticket", "", "2"),
        (xml("<MsgType>text</MsgType>"), "text", "", ""),
        (xml(""), "", "", ""),
        (b'{"msgtype":"event","event":{"eventtype":"enter_chat"},"create_time":3}', "enter_chat", "", "3"),
        (b'{"msgtype":"text"}', "text", "", ""),
        (b' \n{"Event":"e","ChangeType":"c","CreateTime":"4"}', "e", "c", "4"),
        (b'{"InfoType":"i","TimeStamp":5}', "i", "", "5"),
    ],
)
def test_event_change_and_time_are_found_in_every_form(body: bytes, event: str, change: str, created: str):
    """Event, InfoType or MsgType; CreateTime or TimeStamp; XML or JSON."""
    found = read_body(body)
    assert (found.event, found.change, found.created or "") == (event, change, created)


def test_a_look_up_forgives_case_and_prefers_the_exact_name():
    """The families spell one tag differently: UserID, UserId."""
    body = read_body(xml("<UserID>LiNa</UserID><userid>other</userid>"))
    assert (body.text("UserID"), body.text("userid"), body.text("USERID")) == ("LiNa", "other", "LiNa")
    assert body.text("Missing") == ""


def test_an_element_with_children_is_no_text():
    """A look-up never returns half of a structure."""
    body = read_body(xml("<ScanCodeInfo><ScanType>qr</ScanType></ScanCodeInfo>"))
    assert body.text("ScanCodeInfo") == ""
    assert body.fields["ScanCodeInfo"] == {"ScanType": "qr"}


def test_repeated_siblings_are_a_list_in_their_order():
    """WeCom repeats a tag for lists."""
    body = read_body(xml("<A><I>1</I><I>2</I><I>3</I></A><B><I>1</I></B>"))
    assert body.fields == {"A": {"I": ["1", "2", "3"]}, "B": {"I": "1"}}


def test_blanks_around_values_go():
    """Suite samples have them; an id never begins or ends with one."""
    assert read_body(xml("<UserID> \n<![CDATA[ LiNa ]]>\t</UserID>")).text("UserID") == "LiNa"
    assert read_body(b'{"UserID":" LiNa\\n"}').text("UserID") == "LiNa"


def test_comments_and_instructions_do_not_split_a_value():
    """They are not content."""
    assert read_body(xml("<A>x<!-- no --><?no no?>y</A>", before='<?xml version="1.0"?><!-- no -->')).text("A") == "xy"


def test_text_that_looks_like_a_document_type_is_text():
    """A customer may be called <!DOCTYPE; only a real one is refused."""
    text = '<!DOCTYPE x [<!ENTITY a "b">]>&a;'
    assert read_body(xml(f"<Name><![CDATA[{text}]]></Name>")).text("Name") == text


def test_what_json_may_hold_and_the_database_may_not_is_left_out():
    """PostgreSQL stores no NUL; one such body must not hold up the others."""
    assert read_body(b'{"Event":"a\\u0000b"}').event == "ab"
    assert read_body(b'{"event":{"eventtype":"x"},"list":[null,1,true]}').fields["list"] == ["", "1", "True"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (xml("<Name>a\x08b\x00c\x0bd</Name>"), "abcd"),
        (xml("<Name><![CDATA[a\x1f]]></Name>"), "a"),
        (xml("<Name>a&#11;b&#x1F;c&#xd83d;d&#10;e</Name>"), "abcd\ne"),
        (xml("<Name>a\ufffe\uffffb</Name>"), "ab"),
        (b"\xef\xbb\xbf" + xml("<Name>a</Name>"), "a"),
        (xml("<Name>a</Name>", before='\n <?xml version="1.0" encoding="UTF-8"?>'), "a"),
        (b'\xef\xbb\xbf{"Name":"a"}', "a"),
        (b'{"Name":"a\\ud83d"}', "a\ufffd"),
        (b'{"Name":"\\ud83d\\ude00\\ude00"}', "\U0001f600\ufffd"),
        (b'{"\\ud800":1,"Name":"a\nb"}', "a\nb"),
        (b'{"Name":' + b"1" * 5000 + b"}", "1" * 5000),
    ],
)
def test_characters_that_the_format_forbids_cost_no_event(body: bytes, name: str):
    """They come from people's names; everything else of the body is what it was."""
    found = read_body(body)
    assert found.text("Name") == name
    orjson.dumps(dict(found.fields))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
HOSTILE = {
    "dtd": xml("<A/>", before="<!DOCTYPE xml>"),
    "external dtd": xml("<A/>", before='<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd">'),
    "entity": xml("<A>&e;</A>", before='<!DOCTYPE xml [<!ENTITY e "x">]>'),
    "file": xml("<A>&e;</A>", before='<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
    "parameter entity": xml("<A/>", before='<!DOCTYPE xml [<!ENTITY % e SYSTEM "http://127.0.0.1:9/">%e;]>'),
    "billion laughs": xml("<A>&l11;</A>", before=f'<!DOCTYPE xml [<!ENTITY l0 "lol">{LAUGHS}]>'),
    "laughs in an attribute": b'<!DOCTYPE x [<!ENTITY l0 "lol">' + LAUGHS.encode() + b']><x a="&l11;"/>',
    "quadratic": b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 50_000 + b'">]><x>' + b"&a;" * 50_000 + b"</x>",
    "unknown entity": xml("<A>&nbsp;</A>"),
    "two roots": b"<xml/><xml/>",
    "cut off": xml("<A>1</A>")[:-3],
    "latin-1": "<xml><A>é</A></xml>".encode("latin-1"),
    "utf-16": '<?xml version="1.0"?><xml><A>1</A></xml>'.encode("utf-16"),
    "utf-16 without mark": '<?xml version="1.0"?><xml><A>1</A></xml>'.encode("utf-16-le"),
    "utf-16 the other way": '<?xml version="1.0"?><xml><A>1</A></xml>'.encode("utf-16-be"),
    "deep xml": b"<a>" * 100_000,
    "deep closed xml": b"<a>" * 200 + b"</a>" * 200,
    "deep json": b'{"a":' * 100_000,
    "deep closed json": b'{"a":' * 200 + b"1" + b"}" * 200,
    "json list": b"[1]",
    "json cut off": b'{"a":1',
    "json latin-1": b'{"a":"\xe9"}',
    "empty": b"",
    "blank": b"  \n",
    "form": b"a=1&b=2",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_quickly(name: str):
    """No entity is resolved, no address fetched, no memory filled."""
    started = time.monotonic()
    with pytest.raises(BodyError):
        read_body(HOSTILE[name])
    assert time.monotonic() - started < 1


def test_a_refusal_never_shows_the_content():
    """The text reaches logs; the content may be a person's."""
    with pytest.raises(BodyError) as caught:
        read_body(xml("<A>13800000000</B>"))
    assert "138" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(("open_", "close"), [("<a>", "</a>"), ('{"a":', "}")])
def test_the_depth_is_bounded_and_no_further(open_: str, close: str):
    """Everything that the platform sends is far below the bound."""
    inside = "1" if open_.startswith("{") else ""
    levels = MAX_DEPTH if inside else MAX_DEPTH + 1
    assert isinstance(read_body((open_ * levels + inside + close * levels).encode()), Body)
    levels += 1
    with pytest.raises(BodyError, match="nested too deep"):
        read_body((open_ * levels + inside + close * levels).encode())


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_every_sample_is_read(path: Path):
    """Each sample of the platform's documents has an event and a usable form."""
    body = read_body(path.read_bytes())
    assert body.event
    assert body.fields


MARKUP = st.text("<>/!?[]&;\"'= xaA1CDATENIOPY-\x00é\ud800", max_size=60).map(lambda t: t.encode("utf-8", "replace"))


@given(st.one_of(st.binary(max_size=200), MARKUP, MARKUP.map(lambda t: b"<xml>" + t), MARKUP.map(lambda t: b"{" + t)))
def test_nothing_but_a_body_error_ever_comes_out(plaintext: bytes):
    """Whoever reads a body has one error to catch."""
    with contextlib.suppress(BodyError):
        assert isinstance(read_body(plaintext), Body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.dictionaries(st.text(), s)))
def test_any_json_object_is_read(value: object):
    """Numbers, nulls and lists of any kind become text; no type of the sender's is trusted."""
    try:
        body = read_body(orjson.dumps({"event": value, "msgtype": value}))
    except (BodyError, TypeError):  # orjson itself refuses integers of more than 64 bits
        return
    assert isinstance(body.event, str)
