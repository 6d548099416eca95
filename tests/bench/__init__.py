"""Benchmarks: ratios measured side by side in one interleaved run. None of them is a test."""
