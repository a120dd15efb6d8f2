"""Lots out as files: written page by page, so that a large stock never lies in memory whole."""
