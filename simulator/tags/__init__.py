"""Corp tags, tags of rule groups, and the rule groups of customer contact."""
