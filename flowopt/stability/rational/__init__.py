"""Proofs about fields with polynomial or rational right-hand sides."""
