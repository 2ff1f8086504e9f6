CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
  joined timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE users OWNER TO app;

