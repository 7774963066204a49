DELETE FROM migrated_notes;
