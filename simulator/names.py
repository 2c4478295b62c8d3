"""Invented people: names and ids that look like WeCom's."""

import base64
import random

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
# fmt: off
GIVEN = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明",
    "超", "秀英", "霞", "平", "刚", "桂英", "子涵", "欣怡", "梓萱", "浩然", "宇轩", "诗涵", "雨桐", "佳怡", "思远",
    "嘉懿", "煜城", "懿轩", "晓彤", "雅静", "梦琪", "慕儿", "之桃", "冰枫", "书瑶", "若兰",
    "语嫣", "一诺", "可馨", "安琪",
]
REMARKS = [
    "老客户", "意向高", "周末到店", "喜欢新品", "会员日回访", "送礼需求", "关注折扣", "门店介绍", "节日关怀", "待回访",
]
# fmt: on


def person(dice: random.Random) -> str:
    return dice.choice(SURNAMES) + dice.choice(GIVEN)


def external_userid(dice: random.Random, *, kind: int = 1) -> str:
    """32 characters: `wm` for a WeChat user, `wo` for a WeCom user of another corp."""
    prefix = "wo" if kind == 2 else "wm"
    return f"{prefix}SimCAAAA{base64.urlsafe_b64encode(dice.randbytes(18)).decode()[:22]}"


def unionid(dice: random.Random) -> str:
    return "oSim" + base64.urlsafe_b64encode(dice.randbytes(18)).decode()
