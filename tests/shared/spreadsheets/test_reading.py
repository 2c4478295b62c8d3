"""Files as people make them, and as people make them who mean harm (CUS-6)."""

import io
import zipfile

import pytest

from shared.spreadsheets.model import FORMULA, LONGEST_CELL, MOST_ROWS, Format, UnreadableError
from shared.spreadsheets.reading import format_of, read_table
from shared.spreadsheets.writing import PARTS, SHEET, make_writer

ROW = '<row r="{n}">{cells}</row>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="14"/></cellXfs></styleSheet>'
)


def read(content: bytes) -> list[list[str]]:
    table = read_table(io.BytesIO(content), format_of(content[:512]))
    return [table.header.cells, *(line.cells for line in table.lines)]


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        read(content)
    return caught.value.code


def xlsx(rows: str, **parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in PARTS.items():
            archive.writestr(path, text)
        archive.writestr(SHEET, f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>')
        for name, text in parts.items():
            archive.writestr(f"xl/{name}.xml", text)
    return made.getvalue()


def cells(*values: str) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{one}</t></is></c>' for one in values)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_in_every_encoding_and_separation_that_spreadsheets_write(encoding, separator):
    """UTF-8 with or without a mark, GB18030, Excel's Unicode text; the separator is found (CUS-6)."""
    text = f'姓名{separator}备注\r\n"王{separator}小明"{separator}"一\n二"\r\n'
    assert read(text.encode(encoding)) == [["姓名", "备注"], [f"王{separator}小明", "一\n二"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\r\n , ,\r\n", "empty"),
        ("姓名,电话\n王,1\n".encode() + b"\xff\xff\x80", "encoding"),
        (b"a,b\n\0,1\n", "no_table"),
        (b"%PDF-1.7 ...", "no_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old_excel"),
        (b"PK\x03\x04 and then nothing", "damaged"),
        (",".join(f"c{n}" for n in range(300)).encode(), "columns"),
        ("手机,手机\n1,2".encode(), "header_twice"),
        (b"a,b\n1,2\n3," + b"x" * (10 << 20), "cell"),
        (b'a,b\n1,"never closed\n' + b"2,3\n" * 20_000, "cell"),
    ],
)
def test_bad_files_are_refused_with_their_reason(content, code):
    """Wrong encodings, 300 columns, a cell of 10 MB, other kinds of files: each says what it is (CUS-6)."""
    assert refusal(content) == code


def test_the_place_of_a_bad_byte_is_told():
    """The line where the text stops being one (CUS-6)."""
    with pytest.raises(UnreadableError) as caught:
        read("姓名\n王\n".encode() + b"\xff\n")
    assert caught.value.values == {"line": 3}


def test_more_rows_than_allowed_are_refused():
    """200,000 rows at most (CUS-6)."""
    assert len(read(b"a\n" + b"1\n" * MOST_ROWS)) == MOST_ROWS + 1
    assert refusal(b"a\n" + b"1\n" * (MOST_ROWS + 1)) == "rows"


def test_formulas_in_csv_are_texts_or_nothing():
    """What keeps a leading zero is the text in it; what a spreadsheet would compute is no value (CUS-6)."""
    found = read(b'a,b\n"=""0138""",=1+1\n\'=x,\'plain\n')
    assert found[1:] == [["0138", FORMULA], ["=x", "'plain"]]


def test_xlsx_gives_what_a_person_sees():
    """Numbers without exponents, days as days, computed formulas as their results, gaps as gaps (CUS-6)."""
    rows = ROW.format(n=1, cells=cells("a", "b", "c", "d", "e", "f")) + ROW.format(
        n=3,
        cells='<c r="A3"><v>1.38E10</v></c><c r="C3" s="1"><v>32874</v></c><c r="D3"><f>1+1</f><v>2</v></c>'
        '<c r="E3"><f>NOW()</f></c><c r="F3" t="s"><v>1</v></c>',
    )
    shared = (
        f'<sst xmlns="{MAIN}"><si><t>x</t></si><si><r><t>王</t></r><r><t>小明</t></r><rPh><t>no</t></rPh></si></sst>'
    )
    table = read_table(io.BytesIO(xlsx(rows, styles=STYLES, sharedStrings=shared)), Format.XLSX)
    (line,) = table.lines
    assert (line.number, line.cells) == (3, ["13800000000", "", "1990-01-01", "2", FORMULA, "王小明"])


def test_a_long_number_that_excel_has_rounded_shows_that():
    """Its last digits are gone: it must not pass for an id (CUS-6)."""
    rows = ROW.format(n=1, cells=cells("a")) + ROW.format(n=2, cells="<c><v>1.2345678901234567E+17</v></c>")
    assert "e+" in read(xlsx(rows))[1][0]


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    """A part that is hundreds of times larger than it is packed (CUS-6)."""
    bomb = io.BytesIO(xlsx(""))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/big.bin", b"\0" * (40 << 20))
    assert refusal(bomb.getvalue()) == "unpacked"


def test_a_zip_that_lies_about_its_sizes_is_damaged():
    """What the directory says is the most that is read (CUS-6)."""
    content = xlsx("".join(ROW.format(n=n, cells=cells("x" * 1000)) for n in range(1, 2000)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        told = archive.getinfo(SHEET).file_size
    lying = content.replace(told.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert refusal(lying) == "damaged"


@pytest.mark.parametrize(
    "sheet",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet><sheetData/></worksheet>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet><sheetData/></worksheet>',
        "<worksheet><sheetData><row>",
        '<worksheet><sheetData><row r="1"><c t="s"><v>7</v></c></row></sheetData></worksheet>',
        '<worksheet><sheetData><row r="1"><c r="B1"/><c r="A1"/></row></sheetData></worksheet>',
    ],
)
def test_sheets_with_document_types_or_nonsense_are_damaged(sheet):
    """No entity is ever looked at; indexes lead nowhere; cells stand in their order (CUS-6)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in {**PARTS, SHEET: sheet}.items():
            archive.writestr(path, text)
    assert refusal(made.getvalue()) == "damaged"


def test_cells_far_away_cost_nothing():
    """A cell in the last column is too many columns, not sixteen thousand empty texts; so is one of 10 MB (CUS-6)."""
    header = ROW.format(n=1, cells=cells("a"))
    assert refusal(xlsx(header + ROW.format(n=1048576, cells='<c r="XFD1048576"><v>1</v></c>'))) == "columns"
    assert refusal(xlsx(header + ROW.format(n=2, cells=cells("y" * (LONGEST_CELL + 1))))) == "cell"


@pytest.mark.parametrize("format_", list(Format))
def test_what_is_written_is_read_back_and_no_spreadsheet_computes_it(format_):
    """Formulas are neutralised on the way out, and are themselves again on the way in (CUS-7)."""
    rows = [["a", "b"], ["=1+1", "王<小>&明"], ["", '"quoted", text\nof two lines'], ["+8613800138000", "@x"]]
    writer = make_writer(format_)
    content = writer.rows(rows[:2]) + writer.rows(rows[2:]) + writer.end()
    assert format_of(content[:512]) is format_
    assert read(content) == rows
    raw = content if format_ is Format.CSV else zipfile.ZipFile(io.BytesIO(content)).read(SHEET)
    assert b"'=1+1" in raw and b"'@x" in raw


@pytest.mark.parametrize("name", ["openpyxl", "xlsxwriter"])
def test_files_of_other_writers_are_read(fixtures, name):
    """Shared texts, styles and dates as two widespread libraries write them (CUS-6)."""
    found = read((fixtures / "spreadsheets" / f"{name}.xlsx").read_bytes())
    assert found == [
        ["姓名", "手机号", "生日", "金额", "会员"],
        ["王小明", "13800138000", "1990-01-31", "12.5", "TRUE"],
    ]
