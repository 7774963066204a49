package sqltext

// Repeatable tells whether a text that the server refused as a whole may be sent again, to another server: it is one
// statement, for certain, of a kind that is done as a whole or not at all when it is sent in autocommit mode. What such
// a statement calls, a trigger or a function, is undone with it; what that does elsewhere, no client can see.
func (r *Rules) Repeatable(q string) bool {
	if r.Repeats == nil || r.ExecutableComments && HasExecutableComment(q) {
		return false
	}
	statements := r.Lexis.Statements(q)
	return statements.Next() && r.Repeats(statements.Word, statements.Rest) &&
		!statements.Next() && !statements.Ambiguous()
}
