-- +goose Up
CREATE TABLE migrated_notes (id INTEGER PRIMARY KEY, text VARCHAR(100));

-- +goose Down
DROP TABLE migrated_notes;
