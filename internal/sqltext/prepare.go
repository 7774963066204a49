package sqltext

// MaxPrepared is how long a text may be of which a statement is kept. Longer ones are mostly bulk inserts, of which
// hardly two are alike.
const MaxPrepared = 16 << 10

// Preparable tells whether a prepared statement can be kept for a text and take its place: one query or one statement
// that changes rows. Not COPY and LOAD DATA, nothing that ends a transaction or changes the session, and no text that
// is ambiguous.
func (r *Rules) Preparable(q string) bool {
	if r.Invalidates == nil || len(q) > MaxPrepared || r.ExecutableComments && HasExecutableComment(q) {
		return false
	}
	statements := r.Lexis.Statements(q)
	if !statements.Next() {
		return false
	}
	var buf Buffer
	switch word := string(statements.Word.Lower(&buf)); word {
	case "select", "insert", "update", "delete", "with", "values", "table":
	default:
		if word == "" || word != r.Prepares {
			return false
		}
	}
	return !statements.Next() && !statements.Ambiguous() && !(r.Unprepared != nil && r.Unprepared(q))
}

// ReturnsRows tells whether a text that is Preparable may return rows.
func (r *Rules) ReturnsRows(q string) bool {
	statements := r.Lexis.Statements(q)
	statements.Next()
	var buf Buffer
	switch string(statements.Word.Lower(&buf)) {
	case "insert", "update", "delete", "replace", "merge":
		return ContainsFold(q, "returning")
	}
	return true
}

// InvalidatesBy tells what a text does to the statements that are kept. A server reads a text when it prepares it:
// names as the search path or the current database then was, literals by the time zone and date style, quotes by
// sql_mode. Kept statements would go on with that.
//
// It is about the text alone: what a function that it calls does to the session, or to tables, is not seen.
func (r *Rules) InvalidatesBy(q string) Invalidation {
	if r.Invalidates == nil {
		return InvalidatesSessions
	}
	return r.Invalidates(q)
}
