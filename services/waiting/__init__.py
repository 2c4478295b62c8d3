"""Corp tags that wait: WeCom's tags sit on relations, and these customers have none that could carry them (TAG-2)."""
