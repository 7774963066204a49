-- +goose Up
INSERT INTO migrated_notes (id, text) VALUES (1, 'first');

-- +goose Down
DELETE FROM migrated_notes;
