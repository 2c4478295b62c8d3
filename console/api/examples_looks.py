"""Requests about what messages look like as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

DESCRIPTION = (
    '<div class="gray">{{ at }}</div><div class="normal">{% if above %}{{ associate }} lost {{ customer }}.'
    "{% else %}{{ customer }} removed you. Call them today.{% endif %}</div>"
)
TEXT: dict[str, Any] = {"title": "Gone: {{ customer }}", "description": DESCRIPTION}
PREVIEW: dict[str, Any] = {"notice": "relation_lost", "language": "en", "above": True, **TEXT}
FORM: dict[str, Any] = {"form": "card"}
ROBOT: dict[str, Any] = {
    "name": "运营群",
    "key": "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
    "notices": ["relation_lost"],
}
ROBOT_EDIT: dict[str, Any] = {"notices": ["relation_lost", "pool_given"]}
