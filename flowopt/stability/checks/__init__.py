"""Checkers: each reads a certificate and proves its claim again, knowing nothing of the search."""
