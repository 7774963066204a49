package servertest_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"
)

// postgresGrammar is for PostgreSQL. Its expressions have the types that their operators want, since there are hardly
// any conversions: most texts made at random would only be refused.
type postgresGrammar struct {
	rand   *rand.Rand
	places []place
	table  bool // there are columns
}

// There is no sequence: a statement that fails has taken a number or not, depending on when the server finds the fault.
const postgresColumns = "k INT PRIMARY KEY, i INT, l BIGINT, n NUMERIC, f FLOAT8, s TEXT, c VARCHAR(40), " +
	"ts TIMESTAMP, tz TIMESTAMPTZ, d DATE, b BOOL, x BYTEA, j JSONB, a INT[]"

// postgresNames are the columns by type.
var postgresNames = map[string][]string{"int": {"i", "k"}, "bigint": {"l", "i"}, "numeric": {"n", "i"}, "float8": {"f",
	"n"},
	"text": {"s", "c"}, "timestamp": {"ts", "d"}, "timestamptz": {"tz", "ts"}, "date": {"d"}, "bool": {"b"},
	"bytea": {"x"},
	"jsonb": {"j"}, "int[]": {"a"}}

var postgresTypes = slices.Sorted(maps.Keys(postgresNames))

func (g *postgresGrammar) setup() []string {
	var texts []string
	for _, schema := range []string{"public", "other"} {
		texts = append(texts, "CREATE SCHEMA IF NOT EXISTS "+schema)
		for _, table := range []string{"t", "w"} {
			texts = append(texts, fmt.Sprintf("CREATE TABLE %s.%s (%s)", schema, table, postgresColumns),
				fmt.Sprintf("INSERT INTO %s.%s VALUES "+
					"(1, 1, 1, 1.5, 1.5, 'a', 'a', '2024-02-29 12:00', '2024-02-29 12:00Z', '2024-02-29', true, 'a', '1', '{1,5}'), "+
					"(2, 5, 5000000000, 5, 5, '5', '5', '2023-02-28', '2023-02-28Z', '2000-01-01', false, '\\x00ff', "+
					"'{\"a\": 5}', '{}'), "+
					"(3, -7, -7, -7.25, -7, '-7', 'é', '2025-01-01', '2025-01-01Z', '2024-01-01', NULL, '', '[1]', '{NULL}'), "+
					"(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)", schema, table))
		}
		texts = append(texts, fmt.Sprintf("CREATE VIEW %s.v AS SELECT * FROM %[1]s.t", schema),
			fmt.Sprintf("CREATE FUNCTION %s.fn(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1'", schema))
	}
	return append(texts, "UPDATE other.t SET i = i + 100")
}

func (g *postgresGrammar) text() (string, []place) {
	for {
		g.places = nil
		if query := g.statement(); len(g.places) > 0 {
			return query, g.places
		}
	}
}

func (g *postgresGrammar) statement() string {
	a, b := pick(g.rand, postgresTypes), pick(g.rand, postgresTypes)
	x, y := postgresNames[a][0], postgresNames[b][0]
	const next = "(SELECT coalesce(max(k), 0) + 1 FROM w)"
	switch g.rand.IntN(16) {
	case 0:
		return g.returning(fmt.Sprintf("INSERT INTO w (k, %s) VALUES (%s, %s)", x, next, g.value(a, false)))
	case 1:
		return g.returning(fmt.Sprintf("INSERT INTO w (k, %s) VALUES (%[2]s, %[3]s), (%[2]s + 1, %[4]s)", x, next, g.bare(a),
			g.bare(a)))
	case 2:
		return fmt.Sprintf("INSERT INTO w (k, %s) SELECT max(k) + 1, %s FROM w", x, g.value(a, false))
	case 3:
		return fmt.Sprintf("INSERT INTO w (k, %s) VALUES (%d, %s) ON CONFLICT (k) DO UPDATE SET %s = %s", x, 1+g.rand.IntN(5),
			g.value(a, false), y, g.value(b, false))
	case 4, 5:
		return g.returning(fmt.Sprintf("UPDATE w SET %s = %s", x, g.value(a, true)) + g.where())
	case 6:
		return g.returning("DELETE FROM w WHERE k > 4 AND " + g.value("bool", true))
	}
	return g.query(a, b)
}

func (g *postgresGrammar) query(a, b string) string {
	from := pick(g.rand, []string{"t", "v", "w", "other.t"})
	switch g.rand.IntN(8) {
	case 0:
		return fmt.Sprintf("SELECT %s, %s AS y", g.value(a, false), g.value(b, false))
	case 1:
		return fmt.Sprintf("SELECT %s UNION SELECT %s ORDER BY 1", g.value(a, false), g.value(a, false))
	case 2:
		return fmt.Sprintf("WITH c AS (SELECT %s AS a) SELECT a, a IS NULL FROM c", g.value(a, false))
	case 3:
		return fmt.Sprintf("SELECT count(*), max(%s), sum(%s) FROM %s", g.value("text", true), g.value("numeric", true),
			from) + g.where()
	case 4:
		return fmt.Sprintf("SELECT %s AS g, count(*) FROM %s%s GROUP BY 1 ORDER BY 1, 2", g.value(a, true), from, g.where())
	case 5:
		return fmt.Sprintf("VALUES (%s), (%s)", g.value(a, false), g.value(a, false))
	case 6:
		return "SELECT * FROM " + from + g.where() + " ORDER BY k LIMIT " + g.bare("bigint")
	}
	return fmt.Sprintf("SELECT %s, %s AS y FROM %s", g.value(a, true), g.value(b, true), from) + g.where() + " ORDER BY k"
}

func (g *postgresGrammar) where() string {
	if g.rand.IntN(2) == 0 {
		return ""
	}
	return " WHERE " + g.value("bool", true)
}

// returning returns the rows of some statements, in an order.
func (g *postgresGrammar) returning(change string) string {
	if g.rand.IntN(3) == 0 {
		return "WITH c AS (" + change + " RETURNING *) SELECT * FROM c ORDER BY k"
	}
	return change
}

// bare is an argument whose type the server finds out.
func (g *postgresGrammar) bare(of string) string {
	g.places = append(g.places, newPlace(g.rand, postgresArgs[of]))
	return fmt.Sprint("$", len(g.places))
}

func (g *postgresGrammar) value(of string, table bool) string {
	before := g.table
	g.table = table
	defer func() { g.table = before }()
	return g.expr(of, 1+g.rand.IntN(2))
}

// postgresFunctions are expressions by type, with {type} for each operand, {} for an argument that is a text. Columns
// are not converted: in which row the first value is that does not fit depends on where the rows lie.
var postgresFunctions = map[string][]string{
	"int": {"({int} + {int})", "({int} * 2)", "abs({int})", "length({text})", "fn({int})", "coalesce({int}, {int})",
		"cardinality({int[]})", "{}::int", "ascii({text})", "extract(year from {timestamp})::int", "nullif({int}, {int})",
		"(SELECT max(i) FROM t WHERE i < {int})"},
	"bigint": {"({bigint} + {int})", "greatest({bigint}, {int})", "{int}::bigint",
		"(SELECT count(*) FROM t WHERE s = {text})"},
	"numeric": {"({numeric} * {numeric})", "round({numeric}, 1)", "({numeric} / 3)", "{int}::numeric", "{}::numeric",
		"abs({numeric})"},
	"float8": {"({float8} + {float8})", "sqrt(abs({float8}))", "{numeric}::float8", "{}::float8"},
	"text": {"({text} || {text})", "upper({text})", "left({text}, {int})", "{int}::text", "{timestamptz}::text",
		"{date}::text",
		"{float8}::text", "concat({text}, {int})", "to_char({timestamp}, 'YYYY-MM')", "coalesce({text}, {text})",
		"({jsonb} ->> 'a')",
		"format('%s', {text})", "replace({text}, 'a', {text})", "{bytea}::text", "md5({text})", "{numeric}::varchar(3)",
		"CASE WHEN {bool} THEN {text} ELSE {text} END", "current_schema() || {text}"},
	"timestamp": {"({timestamp} + interval '1 day')", "date_trunc('hour', {timestamp})", "{}::timestamp",
		"{timestamptz}::timestamp"},
	"timestamptz": {"({timestamptz} - interval '1 hour')", "{}::timestamptz", "{timestamp}::timestamptz",
		"'2024-03-31 02:30'::timestamptz"},
	"date": {"({date} + {int})", "{timestamptz}::date", "{}::date", "'01/02/2024'::date"},
	"bool": {"({int} = {int})", "({text} LIKE {text})", "({numeric} < {numeric})", "({timestamptz} > {timestamptz})",
		"({text} = {text})",
		"({bool} AND {bool})", "({bool} OR {bool})", "(NOT {bool})", "({int} IS NULL)", "({int} = ANY({int[]}))",
		"({int} IN ({int}, 5))",
		"({bigint} BETWEEN {bigint} AND {bigint})", "({date} <= {date})", "({jsonb} @> {jsonb})", "({bytea} = {bytea})",
		"EXISTS (SELECT 1 FROM t WHERE i = {int})", "({int} IN (SELECT i FROM t))", "({text} ~ 'a')",
		"({timestamp} < {timestamptz})"},
	"bytea": {"({bytea} || {bytea})", "convert_to({text}, 'UTF8')", "{}::bytea"},
	"jsonb": {"to_jsonb({int})", "jsonb_build_object('a', {int})", "{}::jsonb", "({jsonb} -> 'a')",
		"to_jsonb({timestamptz})"},
	"int[]": {"({int[]} || {int})", "ARRAY[{int}, {int}]", "array_append({int[]}, {int})", "{}::int[]"},
}

func (g *postgresGrammar) expr(of string, depth int) string {
	switch n := g.rand.IntN(10); {
	case depth == 0 || n < 2:
		return g.leaf(of)
	case g.table && n < 4:
		return pick(g.rand, postgresNames[of])
	}
	rest, out := pick(g.rand, postgresFunctions[of]), ""
	for {
		before, behind, found := strings.Cut(rest, "{")
		out += before
		if !found {
			return out
		}
		operand, behind, _ := strings.Cut(behind, "}")
		if operand == "" {
			out += g.bare("text") + "::text"
		} else {
			out += g.expr(operand, depth-1)
		}
		rest = behind
	}
}

func (g *postgresGrammar) leaf(of string) string {
	switch n := g.rand.IntN(10); {
	case n < 3 && g.table:
		return pick(g.rand, postgresNames[of])
	case n < 4:
		return g.bare(of)
	}
	return g.bare(of) + "::" + of
}

// postgresArgs are arguments for each type, by kinds. Each has some that do not fit.
var postgresArgs = map[string][][]any{
	"int":     {{0, 1, 5, -7, 42}, {"5", "-7", " 5 "}, {nil}, {int64(math.MaxInt32), "x", 1.5, true}},
	"bigint":  {{0, 1, 5, -7}, {int64(math.MaxInt64), uint64(5)}, {"5"}, {nil}, {1.5, "x", uint64(math.MaxUint64)}},
	"numeric": {{0, 1, 5}, {1.5, -2.25, 1e20}, {"5.50", "-0.10", "1e3"}, {nil}, {"NaN", "x", true}},
	"float8":  {{0.0, 1.5, -2.25, 1e300}, {0, 5}, {"5.5", "NaN", "Infinity"}, {nil}, {"x", true}},
	"text": {{"", "a", "abc", "it's", `back\slash`, "é"}, {"5", "-7", "5.5"}, {1, 5}, {1.5, true}, {nil},
		{[]byte("bytes"), []byte{}},
		{"2024-02-29", "2024-02-29 12:00", "{1,5}", `{"a": 1}`}, {"\xff", "nul\x00"},
		{time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)}},
	"timestamp": {{time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 12, 0, 0, 500_000_000,
		time.FixedZone("", 3600))},
		{"2024-02-29 12:00", "2024-02-29", "29/02/2024"}, {nil}, {"x", 5, "infinity"}},
	"timestamptz": {{time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("",
		3600))},
		{"2024-02-29 12:00", "2024-02-29 12:00+05", "01/02/2024"}, {nil}, {"x", "infinity"}},
	"date":  {{time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)}, {"2024-02-29", "01/02/2024"}, {nil}, {"x", 5}},
	"bool":  {{true, false}, {"true", "f", "on"}, {nil}, {1, 0, "x"}},
	"bytea": {{[]byte("a"), []byte{0, 255}, []byte{}}, {"a", `\x00ff`}, {nil}, {5, `\x0`}},
	"jsonb": {{`{"a": 1}`, `[1, 5]`, "5"}, {[]byte(`{"a": 5}`)}, {nil}, {"x", 5, true}},
	"int[]": {{pq.Array([]int{1, 5}), pq.Array([]int{})}, {"{1,5}", "{}"}, {nil}, {"x", 5}},
}

// postgresOtherTypes are types for columns, with values that always fit: which of several that do not is found first
// depends on where the rows lie.
var postgresOtherTypes = []string{"INT USING k", "BIGINT USING k * 1000000000::bigint", "NUMERIC(20,3) USING k / 4.0",
	"FLOAT8 USING k / 4.0", "TEXT USING 'a' || k", "VARCHAR(80) USING k", "CHAR(40) USING 'a' || k", "BOOL USING k > 2",
	"TIMESTAMP USING timestamp '2024-02-28' + k * interval '7 hours'", "DATE USING date '2024-02-28' + k",
	"TIMESTAMPTZ USING timestamptz '2024-02-28Z' + k * interval '7 hours'", "INT[] USING ARRAY[k]",
	"BYTEA USING k::text::bytea",
	"JSONB USING to_jsonb(k)"}

func (g *postgresGrammar) change() string {
	if g.rand.IntN(2) == 0 {
		return g.changeOfSession()
	}
	table := pick(g.rand, []string{"t", "w", "public.t", "other.t"})
	switch g.rand.IntN(13) {
	case 0, 1, 2, 3:
		name, to := pick(g.rand, postgresNames[pick(g.rand, postgresTypes)]), pick(g.rand, postgresOtherTypes)
		return fmt.Sprintf("ALTER TABLE %s ALTER %s TYPE %s", table, name, to)
	case 4:
		return fmt.Sprintf("ALTER TABLE %s ADD COLUMN x%d INT DEFAULT 3", table, g.rand.IntN(3))
	case 5:
		return fmt.Sprintf("ALTER TABLE %s DROP COLUMN x%d CASCADE", table, g.rand.IntN(3))
	case 6:
		return "DROP VIEW IF EXISTS v"
	case 7:
		return "CREATE VIEW v AS SELECT * FROM " + pick(g.rand, []string{"t", "w", "other.t"})
	case 8:
		return "CREATE TEMP TABLE " + pick(g.rand, []string{"t", "w"}) + " AS SELECT * FROM other.t"
	case 9:
		return "DROP TABLE IF EXISTS pg_temp." + pick(g.rand, []string{"t", "w"}) + " CASCADE"
	case 10:
		return "CREATE OR REPLACE FUNCTION fn(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + " +
			pick(g.rand, []string{"1", "2"}) + "'"
	case 11:
		return "CREATE OR REPLACE FUNCTION fn(bigint) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text'"
	}
	return "DROP FUNCTION IF EXISTS fn(" + pick(g.rand, []string{"int", "bigint"}) + ")"
}

func (g *postgresGrammar) changeOfSession() string {
	return pick(g.rand, []string{
		"SET search_path = public", "SET search_path = other, public", "SET search_path = public, other",
		"SET TimeZone = 'Asia/Kolkata'", "SET TimeZone = 'Europe/Berlin'", "SET TimeZone = 'UTC'",
		"SET DateStyle = 'SQL, DMY'",
		"SET DateStyle = 'ISO, MDY'", "SET bytea_output = 'escape'", "SET extra_float_digits = 0",
		"SET extra_float_digits = 3",
		"SET standard_conforming_strings = off", "SET standard_conforming_strings = on", "SET IntervalStyle = 'sql_standard'",
		"SELECT set_config('search_path', 'other', false)", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
		"DISCARD PLANS", "DISCARD TEMP",
		"SET app.tenant = '5'", "DO 'BEGIN SET search_path = other; END'",
	})
}

func (g *postgresGrammar) reset() []string { return []string{"RESET ALL", "DISCARD TEMP"} }
