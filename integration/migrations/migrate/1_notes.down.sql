DROP TABLE migrated_notes;
