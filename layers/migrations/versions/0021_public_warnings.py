"""Warnings to the public: drafts, their approval and their end, and CAP messages of what was approved."""

from alembic import op

revision = "0021"
down_revision = "0020"

_COLUMNS = """
    code text COLLATE "C" NOT NULL,
    series text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    replaces text COLLATE "C",
    warning_id bigint,
    state text NOT NULL,
    kind text NOT NULL,
    level smallint NOT NULL,
    said jsonb NOT NULL,
    signatures smallint NOT NULL,
    townships text[] COLLATE "C" NOT NULL,
    villages text[] COLLATE "C" NOT NULL,
    grids text[] COLLATE "C" NOT NULL,
    outline jsonb,
    until_at timestamptz NOT NULL,
    number text,
    signatory text,
    approved_at timestamptz,
    ended_at timestamptz,
    township_code text COLLATE "C",
    village_code text COLLATE "C",
    grid_code text COLLATE "C",
    enterprise_code text COLLATE "C",
    committee text COLLATE "C",
    valid_from date NOT NULL,
    rev bigint NOT NULL
"""


def upgrade() -> None:
    """Create the tables; a CAP message is about a warning to officials or about one to the public."""
    op.execute(
        f"""
        CREATE TABLE public_warning ({_COLUMNS},
          CONSTRAINT public_warning_pkey PRIMARY KEY (code),
          CONSTRAINT public_warning_number UNIQUE (number));
        CREATE UNIQUE INDEX public_warning_replaced_once ON public_warning (replaces)
          WHERE approved_at IS NOT NULL;
        CREATE TABLE public_warning_past ({_COLUMNS},
          rev_to bigint NOT NULL,
          valid_to date NOT NULL,
          gone boolean NOT NULL DEFAULT false);
        CREATE INDEX public_warning_past_code_rev ON public_warning_past (code, rev);
        CREATE TABLE public_step (
          code text COLLATE "C" NOT NULL,
          n integer NOT NULL,
          township_code text COLLATE "C",
          village_code text COLLATE "C",
          grid_code text COLLATE "C",
          enterprise_code text COLLATE "C",
          committee text COLLATE "C",
          action text NOT NULL,
          state text NOT NULL,
          account text NOT NULL,
          person text NOT NULL,
          at timestamptz NOT NULL,
          note text NOT NULL,
          rev bigint NOT NULL,
          CONSTRAINT public_step_pkey PRIMARY KEY (code, n));
        ALTER TABLE cap_message
          ALTER COLUMN warning_id DROP NOT NULL,
          ADD COLUMN public_code text COLLATE "C",
          ADD CONSTRAINT cap_message_public_n UNIQUE (public_code, n),
          ADD CONSTRAINT cap_message_about CHECK (num_nonnulls(warning_id, public_code) = 1);
        """
    )
