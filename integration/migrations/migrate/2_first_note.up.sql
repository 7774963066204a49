INSERT INTO migrated_notes (id, text) VALUES (1, 'first');
INSERT INTO migrated_notes (id, text) VALUES (2, 'second');
