"""Members (associates) and departments (outlets), read on demand."""
