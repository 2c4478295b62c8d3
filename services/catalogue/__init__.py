"""What people here want of the catalogue of corp tags: make, rename, reorder and delete tags and groups (TAG-2)."""
