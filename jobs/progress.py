"""How far a long job is: told to whoever watches, by a label and a share from 0 to 1."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


def unwatched(_label: str, _share: float) -> None:
    """For a job that nobody watches."""
