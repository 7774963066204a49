package servertest_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// mysqlGrammar is for MySQL and MariaDB.
type mysqlGrammar struct {
	rand    *rand.Rand
	mariaDB bool

	places []place
	table  bool // there are columns
	plain  bool // arguments stand only where MySQL's cache takes them: compared, put into a column, a limit, or cast
}

const mysqlColumns = "k INT PRIMARY KEY AUTO_INCREMENT, i INT, u BIGINT UNSIGNED, d DECIMAL(12,2), f DOUBLE, " +
	"s VARCHAR(60), dt DATETIME(3), da DATE, tm TIME, y YEAR, bb BIT(8), e ENUM('a','b'), j JSON, bin VARBINARY(60), " +
	"bo BOOL"

var mysqlNames = strings.Fields("i u d f s dt da tm y bb e j bin bo")

func (g *mysqlGrammar) setup() []string {
	const rows = "(1, 1, 1, 1.5, 1.5, 'a', '2024-02-29 12:00:00', '2024-02-29', '12:00:01', 2024, 5, 'a', '1', 'a', 1), " +
		"(2, 5, 5, 5.5, 5, '5', '2023-02-28', '2000-01-01', '00:00:05', 2005, 97, 'b', '\"5\"', '5', 0), " +
		"(3, -7, 18446744073709551615, -7, -7, '-7', '2025-01-01', '2024-01-01', '01:00:00', 2000, 0, 'a', '{\"a\": 1}', " +
		"'é', 5), " +
		"(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
	var texts []string
	for _, db := range []string{"{1}", "{2}"} {
		for _, table := range []string{"t", "w"} {
			texts = append(texts, fmt.Sprintf("CREATE TABLE %s.%s (%s)", db, table, mysqlColumns),
				fmt.Sprintf("INSERT INTO %s.%s VALUES %s", db, table, rows))
		}
		texts = append(texts, fmt.Sprintf("CREATE VIEW %s.v AS SELECT * FROM %[1]s.t", db),
			fmt.Sprintf("CREATE FUNCTION %s.fn(a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1", db))
	}
	return append(texts, "UPDATE {2}.t SET i = i + 100")
}

// text is a statement with at least one argument.
func (g *mysqlGrammar) text() (string, []place) {
	for {
		g.places, g.plain = nil, g.rand.IntN(4) > 0
		if query := g.statement(); len(g.places) > 0 {
			return query, g.places
		}
	}
}

func (g *mysqlGrammar) statement() string {
	switch g.rand.IntN(17) {
	case 7:
		a, b := pick(g.rand, mysqlNames[:7]), pick(g.rand, mysqlNames[7:])
		return fmt.Sprintf("INSERT INTO w (%s, %s) VALUES (%s, %s), (%s, NULL)", a, b, g.argFor(a), g.argFor(b), g.argFor(a))
	case 8:
		a, b := pick(g.rand, mysqlNames), pick(g.rand, mysqlNames)
		return fmt.Sprintf("INSERT INTO w (k, %s) VALUES (%d, %s) ON DUPLICATE KEY UPDATE %s = %s", a,
			1+g.rand.IntN(5), g.argFor(a), b, g.argFor(b))
	case 9:
		a, b := pick(g.rand, mysqlNames), pick(g.rand, mysqlNames)
		return fmt.Sprintf("UPDATE w SET %s = %s, %s = %s", a, g.argFor(a), b, g.argFor(b)) + g.where()
	case 0:
		return fmt.Sprintf("INSERT INTO w (%s) VALUES (%s)", g.written(1), g.value(false))
	case 1:
		return fmt.Sprintf("INSERT INTO w (%s) SELECT %s", g.written(1), g.value(false))
	case 2:
		return fmt.Sprintf("INSERT INTO w (%s) VALUES (%s, %s)", g.written(2), g.value(false), g.value(false))
	case 3:
		name := g.written(1)
		return fmt.Sprintf("INSERT INTO w (k, %s) VALUES (%d, %s) ON DUPLICATE KEY UPDATE %[1]s = %[4]s", name,
			1+g.rand.IntN(5), g.value(false), g.value(false))
	case 4:
		return fmt.Sprintf("REPLACE INTO w (k, %s) VALUES (%d, %s)", g.written(1), 1+g.rand.IntN(5), g.value(false))
	case 5:
		return fmt.Sprintf("UPDATE w SET %s = %s", g.written(1), g.value(true)) + g.where()
	case 6:
		return "DELETE FROM w WHERE k > 4 AND " + g.condition()
	}
	return g.query()
}

func (g *mysqlGrammar) query() string {
	switch g.rand.IntN(9) {
	case 0:
		return "SELECT " + g.list(false)
	case 1:
		return fmt.Sprintf("SELECT %s UNION SELECT %s ORDER BY 1", g.value(false), g.value(false))
	case 2:
		return fmt.Sprintf("SELECT x.a, x.a + 1 FROM (SELECT %s AS a) x", g.value(false))
	case 3:
		return fmt.Sprintf("WITH c AS (SELECT %s AS a) SELECT a, a + 1 FROM c", g.value(false))
	case 4:
		return fmt.Sprintf("SELECT %s(%s) FROM t", pick(g.rand, []string{"SUM", "AVG", "MIN", "MAX", "COUNT",
			"BIT_OR", "COUNT(*), SUM"}), g.value(true)) + g.where()
	case 5:
		by := pick(g.rand, mysqlNames)
		if g.mariaDB { // MySQL 9.7 crashes when it groups by some functions
			by = g.value(true)
		}
		return fmt.Sprintf("SELECT %s AS g, COUNT(*) FROM t%s GROUP BY 1 ORDER BY 1, 2", by, g.where())
	case 6:
		return "SELECT * FROM " + pick(g.rand, []string{"t", "v", "w", "{2}.t"}) + g.where() + " ORDER BY k" + g.limit()
	}
	from := pick(g.rand, []string{"t", "v", "w"})
	return "SELECT " + g.list(true) + " FROM " + from + g.where() + " ORDER BY k" + g.limit()
}

func (g *mysqlGrammar) list(table bool) string {
	values := []string{g.value(table)}
	for g.rand.IntN(3) == 0 {
		values = append(values, g.value(table)+fmt.Sprintf(" AS x%d", len(values)))
	}
	return strings.Join(values, ", ")
}

func (g *mysqlGrammar) where() string {
	if g.rand.IntN(2) == 0 {
		return ""
	}
	return " WHERE " + g.condition()
}

func (g *mysqlGrammar) limit() string {
	switch g.rand.IntN(8) {
	case 0:
		return " LIMIT " + g.argOf(mysqlLimits)
	case 1:
		return " LIMIT " + g.argOf(mysqlLimits) + ", " + g.argOf(mysqlLimits)
	}
	return ""
}

// written is a list of n columns to write.
func (g *mysqlGrammar) written(n int) string {
	at := g.rand.IntN(len(mysqlNames) - n + 1)
	return strings.Join(mysqlNames[at:at+n], ", ")
}

func (g *mysqlGrammar) arg() string { return g.argOf(mysqlArgs) }

func (g *mysqlGrammar) argOf(kinds [][]any) string {
	g.places = append(g.places, newPlace(g.rand, kinds))
	return "?"
}

// argFor is an argument for a column or type. MySQL converts one that does not fit in another way after it has seen
// others (docs/stmt-cache.md), so there it gets those that fit.
func (g *mysqlGrammar) argFor(column string) string {
	switch {
	case g.mariaDB:
	case slices.Contains(strings.Fields("i u d f bo y SIGNED UNSIGNED DECIMAL(12,3) DOUBLE"), column):
		return g.argOf(mysqlNumbers)
	case slices.Contains(strings.Fields("dt da DATE DATETIME(6)"), column):
		return g.argOf(mysqlDates)
	case column == "tm" || column == "TIME":
		return g.argOf(mysqlTimes)
	case column == "j":
		return g.argOf(mysqlDocuments)
	case column == "bb":
		return g.argOf(mysqlBits)
	}
	return g.arg()
}

func (g *mysqlGrammar) value(table bool) string {
	before := g.table
	g.table = table
	defer func() { g.table = before }()
	return g.expr(1 + g.rand.IntN(3))
}

func (g *mysqlGrammar) condition() string {
	before := g.table
	g.table = true
	defer func() { g.table = before }()
	name := pick(g.rand, mysqlNames)
	switch g.rand.IntN(8) {
	case 0, 1, 2:
		return fmt.Sprintf("%s %s %s", name, pick(g.rand, mysqlComparisons), g.argFor(name))
	case 3:
		return fmt.Sprintf("%s IN (%s, %s)", name, g.argFor(name), g.argFor(name))
	case 4:
		return fmt.Sprintf("%s BETWEEN %s AND %s", name, g.argFor(name), g.argFor(name))
	case 5:
		return fmt.Sprintf("(%s AND %s)", g.condition(), g.condition())
	case 6:
		return fmt.Sprintf("(%s OR %s)", g.condition(), g.condition())
	}
	return g.expr(2)
}

var mysqlComparisons = []string{"=", "<>", "<", ">", "<=", ">=", "<=>", "LIKE"}

var mysqlLiterals = []string{"0", "1", "5", "1.5", "2.5e0", "'a'", "'5'", "NULL", "TRUE", "DATE '2024-02-29'",
	"TIMESTAMP '2024-02-29 12:00:00'", "TIME '12:00:00'", "x'3541'", "18446744073709551615", "CAST('[1, 5]' AS JSON)",
	"'2024-02-29'", "''"}

// mysqlFunctions have %s for each operand.
var mysqlFunctions = []string{
	"(%s + %s)", "(%s - %s)", "(%s * %s)", "(%s / %s)", "(%s DIV %s)", "(%s %% %s)", "(-%s)", "(%s | %s)", "(%s & %s)",
	"(~%s)", "(%s << 1)", "(1 << %s)", "(%s ^ %s)", "(%s = %s)", "(%s < %s)", "(%s <=> %s)", "(%s LIKE %s)",
	"(%s REGEXP 'a')",
	"(%s IN (%s, %s))", "(%s BETWEEN %s AND %s)", "(%s IS NULL)", "(%s AND %s)", "(%s OR %s)", "(NOT %s)", "(%s XOR %s)",
	"ABS(%s)", "ROUND(%s)", "ROUND(%s, 2)", "ROUND(1.2345, %s)", "TRUNCATE(%s, 1)", "FLOOR(%s)", "CEILING(%s)", "SQRT(%s)",
	"MOD(%s, %s)", "POW(%s, 2)", "SIGN(%s)", "GREATEST(%s, %s)", "LEAST(%s, %s)", "COALESCE(%s, %s)", "IFNULL(%s, %s)",
	"NULLIF(%s, %s)", "IF(%s, %s, %s)", "CASE WHEN %s THEN %s ELSE %s END", "CASE %s WHEN %s THEN 1 ELSE 2 END",
	"CASE WHEN %s THEN %s END", "CONCAT(%s, %s)", "CONCAT_WS(',', %s, %s)", "LENGTH(%s)", "CHAR_LENGTH(%s)", "HEX(%s)",
	"UPPER(%s)", "LEFT(%s, 3)", "LEFT('abcdef', %s)", "SUBSTRING('abcdef', %s)", "REPLACE(%s, 'a', %s)", "TRIM(%s)",
	"ASCII(%s)", "CHAR(%s)", "ELT(%s, 'a', 'b')", "FIELD(%s, %s, 5)", "FIND_IN_SET(%s, 'a,b,5')",
	"FORMAT(%s, 2)", "BIN(%s)", "CRC32(%s)", "INTERVAL(%s, 1, 5, 10)", "STRCMP(%s, %s)", "INSTR(%s, %s)", "REVERSE(%s)",
	"CAST(%s AS SIGNED)", "CAST(%s AS UNSIGNED)", "CAST(%s AS DECIMAL(12,3))", "CAST(%s AS DOUBLE)", "CAST(%s AS CHAR)",
	"CAST(%s AS CHAR(2))", "CAST(%s AS BINARY)", "CAST(%s AS DATE)", "CAST(%s AS TIME)", "CAST(%s AS DATETIME(6))",
	"CONVERT(%s USING latin1)", "(%s COLLATE utf8mb4_bin)", "(%s + INTERVAL 1 DAY)", "(%s - INTERVAL %s SECOND)",
	"(DATE '2024-02-29' + INTERVAL %s DAY)", "DATE_ADD(%s, INTERVAL %s MICROSECOND)", "ADDDATE(%s, %s)", "SUBTIME(%s, %s)",
	"ADDTIME(%s, %s)", "TIMEDIFF(%s, %s)", "TIMESTAMPDIFF(DAY, %s, %s)", "TIMESTAMPADD(MINUTE, %s, %s)",
	"DATEDIFF(%s, %s)",
	"DATE(%s)", "TIME(%s)", "YEAR(%s)", "MONTH(%s)", "EXTRACT(HOUR FROM %s)", "TIMESTAMP(%s)", "TO_DAYS(%s)",
	"FROM_DAYS(%s)",
	"UNIX_TIMESTAMP(%s)", "FROM_UNIXTIME(%s)", "SEC_TO_TIME(%s)", "TIME_TO_SEC(%s)", "DATE_FORMAT(%s, '%%Y-%%m')",
	"STR_TO_DATE(%s, '%%Y-%%m-%%d')", "LAST_DAY(%s)", "WEEK(%s)", "MAKETIME(%s, 1, 1)", "MAKEDATE(2024, %s)",
	"JSON_EXTRACT('{\"a\": 1}', %s)", "JSON_OBJECT('a', %s)", "JSON_ARRAY(%s, %s)", "JSON_CONTAINS('[1, 5]', %s)",
	"JSON_QUOTE(%s)", "(SELECT %s)", "(%s IN (SELECT k FROM t))", "(%s IN (SELECT s FROM t))",
	"(%s IN (SELECT da FROM t))", "(%s IN (SELECT %s))", "(%s IN (SELECT %s FROM w))",
	"(%s > ANY (SELECT i FROM t))", "ROUND(%s, (SELECT %s))",
	"((%s, %s) IN (SELECT dt, f FROM t))",
	"EXISTS (SELECT 1 FROM t WHERE i = %s)", "(SELECT MAX(i) FROM t WHERE i < %s)", "((1, %s) = (1, %s))", "fn(%s)",
	"(SELECT COUNT(*) FROM w WHERE s = %s)", "INET_NTOA(%s)", "MD5(%s)", "QUOTE(%s)", "LOG(%s)", "BIT_COUNT(%s)",
}

func (g *mysqlGrammar) expr(depth int) string {
	switch n := g.rand.IntN(10); {
	case depth == 0 || n == 0:
		return g.leaf()
	case g.table && n == 1:
		return pick(g.rand, mysqlNames)
	}
	function := pick(g.rand, mysqlFunctions)
	if !g.mariaDB && (strings.HasPrefix(function, "DATEDIFF") || strings.HasPrefix(function, "TO_DAYS")) {
		function = "(%s IS NULL)" // MySQL 9.7 crashes at DATEDIFF(NULL, 0) and at TO_DAYS(0)
	}
	operands := make([]any, strings.Count(strings.ReplaceAll(function, "%%", ""), "%s"))
	for i := range operands {
		operands[i] = g.expr(depth - 1)
	}
	return fmt.Sprintf(function, operands...)
}

func (g *mysqlGrammar) leaf() string {
	switch n := g.rand.IntN(10); {
	case n < 2:
		return pick(g.rand, mysqlLiterals)
	case n < 4 && g.table:
		return pick(g.rand, mysqlNames)
	case g.plain && n < 7:
		to := pick(g.rand, mysqlCasts)
		return fmt.Sprintf("CAST(%s AS %s)", g.argFor(to), to)
	case g.plain:
		return fmt.Sprintf("(%s %s %s)", pick(g.rand, mysqlLiterals[:4]), pick(g.rand, mysqlComparisons),
			g.argOf(mysqlNumbers))
	}
	return g.arg()
}

var mysqlCasts = []string{"SIGNED", "UNSIGNED", "DECIMAL(12,3)", "DOUBLE", "CHAR", "BINARY", "DATE", "TIME",
	"DATETIME(6)"}

// mysqlArgs are arguments, by kinds.
var mysqlArgs = [][]any{
	{0, 1, 5, -1, -7, 42, 20240229, 20240229120000, int64(math.MaxInt64), int64(math.MinInt64)},
	{uint64(0), uint64(5), uint64(42), uint64(math.MaxInt64) + 1, uint64(math.MaxUint64)},
	{0.0, 1.5, -2.25, 5.0, 1e20, -1e300, 0.1},
	{true, false},
	{nil},
	{"", "a", "abc", "5abc", "5.5abc", "é", "a b", "it's", `back\slash`, "\xff", "5", "0", "42", "007", " 5", "5 ", "+5",
		"1e",
		"-", "9223372036854775807"},
	{"5", "0", "42", "5.5", "-7", "1e3", "-1.25", "-0", "-0.0", ".5", "5.", "1e19", "1e400", "5e-3", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", strings.Repeat("9", 30), strings.Repeat("9", 90), " -7", "0.10"},
	{"1.10", "5.5", "-7", "2.50", "-0.25", "100.00"},
	{"2024-02-29", "2024-02-29 12:00:00", "2024-02-29 12:00:00.5", "12:00:01", "-01:30:00", "12:00:01.123456",
		"2024-02-30",
		"0000-00-00", "20240229", "20240229120000", "20240229120000.5", "2024-02-29T12:00:00", "24-2-9",
		"2024-02-29 12:00:00+02:00"},
	{time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 12, 0, 0, 500_000_000, time.UTC), time.Date(2023, 1, 1, 1, 2, 3, 123456000, time.UTC),
		time.Time{}},
	{[]byte("a"), []byte("5"), []byte("5.5"), []byte{0, 255}, []byte{}, []byte("2024-02-29")},
	{`{"a": 1}`, `[1, 5]`, "1", "null", `"a"`, "$.a", json.RawMessage(`{"a": 1}`), json.RawMessage("5")},
}

// Those that fit columns of numbers, dates and times.
var (
	mysqlNumbers = [][]any{mysqlArgs[0], mysqlArgs[1], mysqlArgs[2], mysqlArgs[3], mysqlArgs[4], mysqlArgs[7],
		{"5", "0", "42", "1234"}, {"5", "0", "-7", "5.5", "1e3", "9223372036854775808", "-0", " 5"}}
	mysqlDates = [][]any{mysqlArgs[4], mysqlArgs[9], {"2024-02-29", "2023-02-28"}, {"2024-02-29 12:00:00",
		"2023-02-28 01:02:03.5"},
		{"2024-02-29", "2024-02-28 12:00:00", "24-2-9", "20240229", "2024-02-29T12:00:00"}}
	mysqlTimes     = [][]any{mysqlArgs[4], {"12:00:01", "23:59:59"}, {"12:00:01", "-01:30:00", "12:00:01.5", "120001"}}
	mysqlDocuments = [][]any{mysqlArgs[4], mysqlArgs[11], {"1", "5.5", "null", "true"}}
	mysqlBits      = [][]any{mysqlArgs[0], mysqlArgs[1], mysqlArgs[3], mysqlArgs[4]}
	mysqlLimits    = [][]any{{0, 1, 2, 5, -1}, {uint64(1), uint64(2)}, {"1", "2"}, mysqlArgs[4]}
)

func (g *mysqlGrammar) change() string {
	if g.rand.IntN(2) == 0 {
		return g.changeOfSession()
	}
	table := pick(g.rand, []string{"t", "w"})
	switch g.rand.IntN(12) {
	case 0, 1, 2, 3:
		name := pick(g.rand, mysqlNames)
		return fmt.Sprintf("ALTER TABLE %s MODIFY %s %s", table, name, pick(g.rand, g.typesFor(name)))
	case 4:
		return fmt.Sprintf("ALTER TABLE %s ADD COLUMN x%d INT DEFAULT 3", table, g.rand.IntN(3))
	case 5:
		return fmt.Sprintf("ALTER TABLE %s DROP COLUMN x%d", table, g.rand.IntN(3))
	case 6:
		return "CREATE OR REPLACE VIEW v AS SELECT k, " + strings.Join(mysqlNames, ", ") + " FROM " +
			pick(g.rand, []string{"t", "w", "{2}.t"})
	case 7:
		return "CREATE TEMPORARY TABLE " + table + " AS SELECT * FROM " + pick(g.rand, []string{"{1}", "{2}"}) + ".t"
	case 8:
		return "DROP TEMPORARY TABLE IF EXISTS " + table
	case 9:
		if g.mariaDB {
			return "CREATE OR REPLACE FUNCTION fn(a INT) RETURNS " + pick(g.rand, []string{"INT", "TEXT", "DECIMAL(5,2)"}) +
				" DETERMINISTIC NO SQL RETURN a + " + pick(g.rand, mysqlLiterals[:4])
		}
		return "DROP FUNCTION IF EXISTS fn"
	case 10:
		return "CREATE FUNCTION fn(a INT) RETURNS " + pick(g.rand, []string{"INT", "TEXT", "DECIMAL(5,2)"}) +
			" DETERMINISTIC NO SQL RETURN a + " + pick(g.rand, mysqlLiterals[:4])
	}
	return "ALTER DATABASE {1} CHARACTER SET " + pick(g.rand, []string{"utf8mb4", "latin1"})
}

// typesFor are other types for a column. On MySQL the arguments for the column fit them, too; see argFor.
func (g *mysqlGrammar) typesFor(column string) []string {
	numbers := []string{"INT", "BIGINT", "DECIMAL(20,5)", "DOUBLE", "BIGINT UNSIGNED", "TINYINT"}
	texts := []string{"VARCHAR(70)", "VARCHAR(60) CHARACTER SET latin1", "TEXT", "VARBINARY(80)", "CHAR(60)"}
	dates, times := []string{"DATETIME", "DATE", "DATETIME(6)"}, []string{"TIME", "TIME(2)"}
	switch {
	case g.mariaDB:
		return slices.Concat(numbers, texts, dates, times)
	case slices.Contains(strings.Fields("s e bin"), column):
		return texts
	case column == "dt" || column == "da":
		return dates
	case column == "tm":
		return times
	case column == "j":
		return []string{"JSON"}
	}
	return numbers
}

func (g *mysqlGrammar) changeOfSession() string {
	return pick(g.rand, []string{
		"USE {1}", "USE {2}", "SET sql_mode = ''", "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'", "SET sql_mode = DEFAULT",
		"SET time_zone = '+05:30'", "SET time_zone = '+00:00'", "SET div_precision_increment = 9",
		"SET div_precision_increment = 2", "SET NAMES latin1", "SET NAMES utf8mb4", "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
		"SET character_set_results = latin1", "SET character_set_results = NULL", "SET collation_connection = utf8mb4_bin",
		"SET group_concat_max_len = 5", "SET default_week_format = 3", "SET lc_time_names = 'de_DE'",
		"SET sql_select_limit = 2", "SET sql_select_limit = DEFAULT", "SET sql_auto_is_null = 1",
	})
}

func (g *mysqlGrammar) reset() []string {
	return []string{"USE {1}", "SET sql_mode = DEFAULT", "SET time_zone = DEFAULT", "SET NAMES utf8mb4",
		"SET div_precision_increment = DEFAULT", "SET sql_select_limit = DEFAULT", "SET sql_auto_is_null = 0",
		"SET group_concat_max_len = DEFAULT", "DROP TEMPORARY TABLE IF EXISTS t, w"}
}
