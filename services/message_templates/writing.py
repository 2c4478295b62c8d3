"""Reads a text's source, refuses what it must not hold, and writes it with its words. Pure.

A source may show words, `{{ name }}`, and ask whether there is one, `{% if name %}`, `{% if not name %}`, with elif and
else. It calls nothing, reads no attribute and compares nothing, so there is nothing to break out of.
"""

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from itertools import product
from xml.etree import ElementTree

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from services.message_templates.cutting import cut, cut_markup
from services.message_templates.model import (
    DESCRIPTION_MOST,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    TITLE_MOST,
    Text,
    TextRefusedError,
    Words,
    Written,
    sample_words,
)

LONGEST_NAME = 40
"""Characters of a word in a message."""
SHORTER = (LONGEST_NAME, 20, 10, 5)
MOST_QUESTIONS = 5
"""Words that one text may ask for: every way in which the answers can fall is tried when it is saved."""
LONGER = {"content": 6}
"""Words that are whole texts: so many times as long as a name."""
WHOLE = frozenset({"at", "above", "attachments"})  # and moments, whose names end with _at
"""Words that are never cut: each is of ours, and short."""
TAGS, CLASSES = frozenset({"div", "br"}), frozenset({None, "gray", "normal", "highlight"})
MAY = "only {{ name }}, {% if name %}, {% elif name %}, {% else %} and {% endif %} may stand here"

_plain = SandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
_markup = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)

Problem = tuple[str, str]


def one_line(word: str) -> str:
    """Control characters and line breaks become blanks."""
    return "".join(c if c.isprintable() or c == "\u200d" else " " for c in word).strip()


def shortened(word: str, most: int = LONGEST_NAME) -> str:
    """A name as one line of readable length."""
    return cut(one_line(word), most)


def words_of(text: Text) -> frozenset[str]:
    """The names that a source asks for.

    Raises:
        jinja2.TemplateSyntaxError: it is none.
    """
    found = (find_undeclared_variables(_plain.parse(part)) for part in (text.title, text.description))
    return frozenset().union(*found)


def write(text: Text, words: Words) -> Written:
    """The text with its words, which get shorter until both parts fit (an escaped character counts as what it becomes);
    what still does not fit is cut.

    Raises:
        jinja2.TemplateError: the source is broken, or asks for a word that is not there.
    """
    title, description = _compiled(text)
    for most in SHORTER:
        short = {
            name: word
            if isinstance(word, bool) or name in WHOLE or name.endswith("_at")
            else shortened(word, most * LONGER.get(name, 1))
            for name, word in words.items()
        }
        written = Written(title(short), description(short))
        if len(written.title) <= TITLE_MOST and len(written.description) <= DESCRIPTION_MOST:
            return written
    return Written(cut(written.title, TITLE_MOST), cut_markup(written.description, DESCRIPTION_MOST))


Template = Callable[[Words], str]


@lru_cache(maxsize=512)
def _compiled(text: Text) -> tuple[Template, Template]:
    return _plain.from_string(text.title).render, _markup.from_string(text.description).render


def write_checked(text: Text, words: Words) -> Written:
    """As `write`, for a text that somebody else has made.

    Raises:
        TextRefusedError: it holds what it must not, or asks for a word that is not there.
    """
    problems = _shape(text, frozenset(words))
    if problems:
        raise TextRefusedError(problems)
    written = write(text, words)
    found = _of_title(written.title) + _of_markup(written.description)
    if found:
        raise TextRefusedError(found)
    return written


def check(text: Text, known: Collection[str], *, language: str) -> None:
    """Try a text with samples, in every way in which its questions can be answered.

    Raises:
        TextRefusedError: where and why it cannot be used.
    """
    problems = _shape(text, frozenset(known))
    if problems:
        raise TextRefusedError(problems)
    asked = sorted(_asked(text))
    if len(asked) > MOST_QUESTIONS:
        raise TextRefusedError([("description", f"asks for {len(asked)} words, {MOST_QUESTIONS} are allowed")])
    samples = sample_words(sorted(known), language, above=False)
    found: list[Problem] = []
    for answers in product((False, True), repeat=len(asked)):
        given = {name: samples[name] or True if yes else "" for name, yes in zip(asked, answers, strict=True)}
        found += _tried(text, samples | given)
    if found:
        raise TextRefusedError(list(dict.fromkeys(found)))


def _tried(text: Text, words: Words) -> list[Problem]:
    title, description = (part(words) for part in _compiled(text))
    found = _of_title(title) + _of_markup(description)
    for name, written, most in (("title", title, TITLE_MOST), ("description", description, DESCRIPTION_MOST)):
        if len(written) > most:
            found.append((name, f"has {len(written)} characters with sample words, {most} fit"))
    return found


@lru_cache(maxsize=512)
def _shape(text: Text, known: frozenset[str]) -> tuple[Problem, ...]:
    found: list[Problem] = []
    for name, source, most in (
        ("title", text.title, LONGEST_TITLE),
        ("description", text.description, LONGEST_DESCRIPTION),
    ):
        if len(source) > most:
            found.append((name, f"has {len(source)} characters, {most} are allowed"))
            continue
        try:
            tree = _plain.parse(source)
        except TemplateSyntaxError as error:
            found.append((name, f"line {error.lineno}: {error.message}"))
            continue
        except RecursionError:
            found.append((name, "is nested too deep"))
            continue
        found += [(name, why) for why in dict.fromkeys(_forbidden(tree, known))]
    return tuple(found)


def _forbidden(tree: nodes.Node, known: frozenset[str]) -> Iterator[str]:
    left: list[nodes.Node] = [tree]
    while left:
        node = left.pop()
        match node:
            case nodes.Template() | nodes.Output() | nodes.TemplateData():
                pass
            case nodes.Name(name=name, ctx="load"):
                if name not in known:
                    yield f"there is no word {name}: {', '.join(sorted(known))}"
                continue
            case nodes.If(test=nodes.Name() | nodes.Not(node=nodes.Name())):
                pass
            case nodes.Not(node=nodes.Name()):
                pass
            case _:
                yield f"line {node.lineno}: {MAY}"
                continue
        left += node.iter_child_nodes()


def _asked(text: Text) -> set[str]:
    found: set[str] = set()
    for source in (text.title, text.description):
        for one in _plain.parse(source).find_all(nodes.If):
            test = one.test.node if isinstance(one.test, nodes.Not) else one.test
            if isinstance(test, nodes.Name):
                found.add(test.name)
    return found


def _of_title(title: str) -> list[Problem]:
    if not title.strip():
        return [("title", "would be empty")]
    return [] if "\n" not in title and "\r" not in title else [("title", "must be one line")]


def _of_markup(description: str) -> list[Problem]:
    try:
        tree = ElementTree.fromstring(f"<card>{description}</card>".replace("<br>", "<br/>"))  # noqa: S314 - no entities
    except ElementTree.ParseError:
        return [("description", "its markup is not well formed in every case; write & as &amp; and < as &lt;")]
    if not "".join(tree.itertext()).strip():
        return [("description", "would be empty")]
    for one in tree.iter():
        if one is not tree and (one.tag not in TAGS or set(one.attrib) - {"class"} or one.get("class") not in CLASSES):
            return [("description", 'only <br> and <div class="gray">, normal and highlight may stand here')]
    return []
