"""Distinct types for the ids that travel between parts. Vendor ids keep the vendor's spelling."""

from typing import NewType

TenantId = NewType("TenantId", int)
ReceiverId = NewType("ReceiverId", int)
CustomerId = NewType("CustomerId", int)
InboxId = NewType("InboxId", int)
FactId = NewType("FactId", int)
OutboxId = NewType("OutboxId", int)
EndpointId = NewType("EndpointId", int)

UserId = NewType("UserId", str)
"""A WeCom member (the associate). 1-64 characters; compared without case by WeCom."""
ExternalUserId = NewType("ExternalUserId", str)
"""A WeCom external contact, as one subject (corp or provider) sees it; another subject sees another id."""
TagId = NewType("TagId", str)
"""A corp tag; tags of rule groups have ids of their own."""
TagGroupId = NewType("TagGroupId", str)
CompanyId = NewType("CompanyId", str)
"""A company as the retailer's CRM names it."""
