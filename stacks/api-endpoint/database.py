"""The user database; runs on Python 2.7 and 3."""
import os
from contextlib import closing, contextmanager

import psycopg2
import psycopg2.extensions

psycopg2.extensions.register_type(psycopg2.extensions.UNICODE)


@contextmanager
def transaction():
    """A cursor; what it did is kept if the block ends well, and the connection is closed either way."""
    with closing(psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)) as connection:
        with connection, connection.cursor() as cursor:
            yield cursor


def prepare():
    with transaction() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, item text NOT NULL, customer text,"
            " state text NOT NULL DEFAULT 'taken', taken timestamptz NOT NULL DEFAULT now())"
        )
