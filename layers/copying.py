"""Whole tables into the database by COPY: the way of every job that writes more than a few rows."""

import pandas as pd
from sqlalchemy import Connection


def copy_in(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Append a frame to a table of the same column names, by COPY within the caller's transaction.

    Missing values (None, NaN, NaT) become NULL. `table` and the columns are names of ours, never a person's input.
    """
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    rows = frame.astype(object).where(frame.notna(), None)
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows.itertuples(index=False, name=None):
            copy.write_row(row)
