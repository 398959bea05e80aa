//! Scripted servers for tests and benchmarks.
