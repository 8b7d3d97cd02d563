"""What was measured: the study behind the bundled models, its findings, and benchmarks."""
