-- name: AddNote :exec
INSERT INTO snippet_notes (id, text) VALUES ($1, $2);

-- name: NotesBefore :many
SELECT text FROM snippet_notes WHERE id < $1 ORDER BY id;
