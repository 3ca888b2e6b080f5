"""What the standards and the policy say: pure rules and array kernels; no tables of a database, no I/O."""

__version__ = "0.1.0"
