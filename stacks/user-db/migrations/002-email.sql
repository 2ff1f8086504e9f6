ALTER TABLE users ADD COLUMN email text CHECK (email LIKE '%@%');

