"""What the command line takes for an id."""

import click

from shared.wecom.payloads.reading import LONGEST_ID


def an_id(value: str) -> str:
    """As click's type of an option or argument.

    Raises:
        click.BadParameter: it is empty, too long, or no text: bytes that are not UTF-8.
    """
    if not value or len(value) > LONGEST_ID:
        raise click.BadParameter(f"an id has 1 to {LONGEST_ID} characters")
    return a_text(value)


def a_text(value: str) -> str:
    """As `an_id`, of any length: the database holds it."""
    if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise click.BadParameter("this is not UTF-8 text")
    return value
