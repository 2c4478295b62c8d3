"""What people and the retailer's systems see and change: the REST API, and later the operators' pages."""
