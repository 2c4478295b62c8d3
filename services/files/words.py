"""Why a file, or a row of one, could not be taken: what a person reads, in Chinese and English. Pure."""

from collections.abc import Mapping, Sequence

FILE: Mapping[str, tuple[str, str]] = {
    "empty": ("文件里没有任何内容", "there is nothing in the file"),
    "old_excel": (
        "这是旧版 Excel（.xls）或加密的文件：请在 Excel 中另存为 .xlsx（不设密码）或 CSV UTF-8",
        "this is an old Excel file (.xls), or one with a password: save it as .xlsx without one, or as CSV UTF-8",
    ),
    "no_table": ("这不是表格文件：请上传 CSV 或 XLSX", "this is no table: send CSV or XLSX"),
    "no_workbook": ("压缩包里没有 Excel 工作簿", "there is no workbook in this archive"),
    "password": ("文件有密码：请去掉密码后再上传", "the file has a password: save it without"),
    "damaged": ("文件已损坏，无法读取（{what}）", "the file is damaged ({what}): open it and save it again"),
    "encoding": (
        "第 {line} 行的文字既不是 UTF-8 也不是 GB18030：请另存为 CSV UTF-8",
        "line {line} is neither UTF-8 nor GB18030: save the file as CSV UTF-8",
    ),
    "columns": (
        "第 {row} 行有 {count} 列以上，最多 {most} 列",
        "row {row} reaches column {count} or more; {most} columns at most",
    ),
    "rows": ("超过 {most} 行：请拆成几个文件", "more than {most} rows: split the file"),
    "xlsx_rows": ("一个工作表最多 {most} 行：请导出为 CSV", "a sheet holds {most} rows at most: export as CSV"),
    "cell": (
        "第 {row} 行有超过 {most} 个字符的单元格（也许是引号没有成对）",
        "row {row} has a cell of more than {most} characters (perhaps a quote that is never closed)",
    ),
    "header_twice": (
        "第一行中 {first} 列与 {second} 列的标题相同：请改名",
        "columns {first} and {second} have the same header: rename one",
    ),
    "unpacked": (
        "文件解压后过大（上限 {most} MiB，或压缩比异常）",
        "the file is too large when unpacked ({most} MiB at most), or packed in a way that no spreadsheet packs",
    ),
    "texts": ("文件中的文字过多（上限 {most} MiB）", "the file holds too much text ({most} MiB at most): split it"),
    "no_mapping": (
        "没有认出手机号、邮箱或会员号等列：请指定各列的含义",
        "no column was recognised as phone, email, member number …: say which column is what",
    ),
    "mapping": ("各列的含义不成立：{why}", "the mapping cannot be: {why}"),
    "tag": ("指定的标签不存在或不能手动使用", "a tag that every row is to get does not exist, or is no manual one"),
    "wecom_tag": ("指定的企业微信标签不存在", "a WeCom tag that every row is to get does not exist (any more)"),
    "segment": (
        "指定的人群不存在，或由筛选条件决定成员",
        "a segment that every row is to be put into does not exist, or has a filter that says who is in it",
    ),
    "associate": ("指定的导购不存在或已离职", "the associate that rows are to be given to is not there"),
    "file_gone": ("文件已过期或被删除：请重新开始", "the file has expired or was deleted: begin again"),
    "crashed": (
        "多次读取都中断了：文件可能过大或已损坏",
        "reading it broke off several times: too large, or damaged",
    ),
    "choice": ("导出的条件不再成立：{why}", "what was to be exported cannot be found any more: {why}"),
}
ROW: Mapping[str, tuple[str, str]] = {
    "cells": ("单元格比标题多", "has more cells than the header"),
    "formula": ("是没有结果的公式", "is a formula without a result"),
    "characters": ("含有不可见字符", "holds characters that cannot be printed"),
    "shortened": (
        "数字被电子表格缩写，末尾已丢失：请把该列设为文本再导出",
        "is a number that a spreadsheet has shortened, its last digits are lost: make the column text",
    ),
    "identity": ("不是有效的值", "is no such value"),
    "source": (
        "不能作为来源：不含空格和冒号，最多 40 个字",
        "is no source: one word, 40 characters at most, no colon",
    ),
    "no_identity": ("没有手机号、邮箱或编号", "has no phone, e-mail address or id"),
    "tag": ("有不存在的标签（只认手动标签）", "names a tag that does not exist (manual tags only), or too many"),
    "wecom_tag": ("有不存在的企业微信标签", "names a tag that WeCom does not have, or too many"),
    "segment": (
        "有不存在的人群，或人群的成员由筛选条件决定",
        "names a segment that does not exist, or whose filter says who is in it, or too many",
    ),
    "tag_several": ("有重名的标签：请写成 标签组/标签", "names a tag that two groups have: write group/tag"),
    "associate": ("没有这位导购", "there is no such associate"),
    "associate_several": ("有重名的导购：请写 userid", "several associates have this name: write the userid"),
    "gender": ("请写 男、女 或 未知", "write male, female or unknown"),
    "day": ("不是日期", "is no day such as 1990-01-31"),
    "long": ("太长", "is too long"),
    "value": ("不是该字段允许的值", "is no value of this field"),
    "required": ("必填", "is required"),
    "ambiguous": (
        "与多位客户相符，无法确定是谁：请补充编号",
        "fits several customers, or contradicts one: give an id that tells which",
    ),
    "two_customers": (
        "这些编号分属两位客户：请先合并",
        "its ids belong to two customers: join them first",
    ),
    "unknown_contact": ("企业微信里没有这个外部联系人", "no WeCom contact of this corp has this external_userid (yet)"),
}
HEADINGS = ("行号 / row", "失败原因", "why it failed")


def file_words(problem: Mapping[str, object]) -> tuple[str, str]:
    """(Chinese, English) of a stored problem: its code under "code", the rest fills the text."""
    zh, en = FILE.get(str(problem["code"]), FILE["damaged"])
    values = {"what": "?", "why": "?", **problem}
    return zh.format_map(values), en.format_map(values)


def row_words(reasons: Sequence[Sequence[str | None]]) -> tuple[str, str]:
    """(Chinese, English) of a row's reasons, each a code and perhaps a field."""
    zh, en = [], []
    for code, name in reasons:
        told = ROW[str(code)]
        zh.append(f"{name} {told[0]}" if name else told[0])
        en.append(f"{name} {told[1]}" if name else told[1])
    return "；".join(zh), "; ".join(en)
