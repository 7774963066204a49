CREATE TABLE snippet_notes (
    id   INTEGER PRIMARY KEY,
    text VARCHAR(40) NOT NULL
);
