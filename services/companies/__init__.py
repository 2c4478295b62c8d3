"""Companies as the retailer's CRM knows them, and which customers belong to them."""
