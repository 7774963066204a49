package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// The models: each of GORM's kinds of association once.

type GormUser struct {
	gorm.Model
	Name    string `gorm:"size:100;uniqueIndex"`
	Age     int
	Score   float64
	Photo   []byte
	Born    *time.Time
	Account GormAccount
	Orders  []GormOrder
	Tags    []GormTag `gorm:"many2many:gorm_user_tags"`
}

type GormAccount struct {
	ID         uint
	GormUserID uint
	Balance    int64
}

type GormOrder struct {
	ID         uint
	GormUserID uint `gorm:"index"`
	Item       string
	Paid       sql.NullBool
}

type GormTag struct {
	ID   uint
	Name string `gorm:"size:50;uniqueIndex"`
}

func gormConfig() *gorm.Config {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return &gorm.Config{
		Logger:         logger.Discard,
		NowFunc:        func() time.Time { return now },
		TranslateError: true,
		// Any other duration starts a goroutine for the statement cache that
		// GORM never ends.
		PrepareStmtTTL: 10 * 365 * 24 * time.Hour,
	}
}

// A gormProgram is one run of the program that is compared.
type gormProgram struct {
	t          *testing.T
	db         *gorm.DB
	transcript []string
}

func (g *gormProgram) log(format string, args ...any) {
	g.transcript = append(g.transcript, fmt.Sprintf(format, args...))
}

// ok fails the test for an error no run may have.
func (g *gormProgram) ok(what string, err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatalf("%s: %v", what, err)
	}
}

func (g *gormProgram) steps() []func() {
	return []func(){
		g.migrate, g.create, g.preload, g.update, g.upsert, g.transactions,
		g.batches, g.rows, g.errors, g.prepared, g.oneConnection, g.concurrent,
		g.alter, g.remove,
	}
}

func (g *gormProgram) drop() {
	g.ok("drop", g.db.Migrator().DropTable("gorm_user_tags",
		&GormOrder{}, &GormAccount{}, &GormTag{}, &GormUser{}))
}

func (g *gormProgram) migrate() {
	models := []any{&GormUser{}, &GormAccount{}, &GormOrder{}, &GormTag{}}
	g.ok("migrate", g.db.AutoMigrate(models...))
	g.ok("migrate again", g.db.AutoMigrate(models...))
	m := g.db.Migrator()
	g.log("tables %v %v", m.HasTable(&GormUser{}), m.HasTable("gorm_user_tags"))
	g.log("index %v, column %v", m.HasIndex(&GormUser{}, "Name"), m.HasColumn(&GormUser{}, "age"))
	types, err := m.ColumnTypes(&GormUser{})
	g.ok("column types", err)
	// GORM asks PostgreSQL for them in no order.
	slices.SortFunc(types, func(a, b gorm.ColumnType) int { return strings.Compare(a.Name(), b.Name()) })
	for _, c := range types {
		length, hasLength := c.Length()
		nullable, hasNullable := c.Nullable()
		g.log("column %s %s %d %v %v %v", c.Name(), c.DatabaseTypeName(), length, hasLength, nullable, hasNullable)
	}
	indexes, err := m.GetIndexes(&GormUser{})
	g.ok("indexes", err)
	var names []string
	for _, i := range indexes {
		names = append(names, i.Name())
	}
	slices.Sort(names)
	g.log("indexes %v", names)
}

func (g *gormProgram) create() {
	born := time.Date(1990, 1, 2, 3, 4, 5, 0, time.UTC)
	users := []GormUser{
		{
			Name: "ada", Age: 36, Score: 1.5, Photo: []byte{0, 1, 0xff}, Born: &born,
			Account: GormAccount{Balance: 100},
			Orders:  []GormOrder{{Item: "pen"}, {Item: "ink", Paid: sql.NullBool{Bool: true, Valid: true}}},
			Tags:    []GormTag{{Name: "red"}, {Name: "blue"}},
		},
		{Name: "bob", Age: 20, Account: GormAccount{Balance: 7}, Orders: []GormOrder{{Item: "cup"}}},
		{Name: "cyd é", Age: 51},
	}
	res := g.db.Create(&users)
	g.ok("create", res.Error)
	g.log("created %d rows", res.RowsAffected)
	for _, u := range users {
		g.log("id %d account %d orders %d", u.ID, u.Account.ID, len(u.Orders))
	}
}

// show logs a user with all that was loaded with it.
func (g *gormProgram) show(u GormUser) {
	born := "never"
	if u.Born != nil {
		born = u.Born.UTC().Format(time.RFC3339)
	}
	g.log("user %d %q %d %g %x %s %s account %d:%d", u.ID, u.Name, u.Age, u.Score, u.Photo, born,
		u.CreatedAt.UTC().Format(time.RFC3339), u.Account.ID, u.Account.Balance)
	for _, o := range u.Orders {
		g.log("  order %d %q %v", o.ID, o.Item, o.Paid)
	}
	for _, tag := range u.Tags {
		g.log("  tag %d %q", tag.ID, tag.Name)
	}
}

func (g *gormProgram) preload() {
	var users []GormUser
	res := g.db.Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).
		Preload("Tags", func(db *gorm.DB) *gorm.DB { return db.Order("gorm_tags.id") }).
		Preload("Account").Order("id").Find(&users)
	g.ok("preload", res.Error)
	for _, u := range users {
		g.show(u)
	}
	var joined []GormUser
	g.ok("join", g.db.Joins("Account").Order("gorm_users.id").Find(&joined).Error)
	for _, u := range joined {
		g.show(u)
	}
	var counts []struct {
		Name string
		N    int64
	}
	g.ok("group", g.db.Model(&GormUser{}).Select("gorm_users.name, count(gorm_orders.id) AS n").
		Joins("LEFT JOIN gorm_orders ON gorm_orders.gorm_user_id = gorm_users.id").
		Group("gorm_users.name").Order("gorm_users.name").Scan(&counts).Error)
	g.log("counts %v", counts)
}

func (g *gormProgram) update() {
	var u GormUser
	g.ok("first", g.db.Where("name = ?", "ada").First(&u).Error)
	res := g.db.Model(&u).Updates(map[string]any{"age": 37, "score": gorm.Expr("score * ?", 2)})
	g.log("updated %d %v", res.RowsAffected, res.Error)
	res = g.db.Model(&GormUser{}).Where("age > ?", 1000).Update("age", 1)
	g.log("updated %d %v", res.RowsAffected, res.Error)
	g.ok("append", g.db.Model(&u).Association("Orders").Append(&GormOrder{Item: "paper"}))
	g.log("orders %d", g.db.Model(&u).Association("Orders").Count())
	g.ok("replace", g.db.Model(&u).Association("Tags").Replace([]GormTag{{Name: "green"}}))
	g.log("tags %d", g.db.Model(&u).Association("Tags").Count())
	var again GormUser
	g.ok("again", g.db.Preload("Tags").First(&again, u.ID).Error)
	g.show(again)
}

func (g *gormProgram) upsert() {
	u := GormUser{Name: "bob", Age: 21}
	res := g.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "name"}},
		DoUpdates: clause.AssignmentColumns([]string{"age"}),
	}).Create(&u)
	g.log("upserted %d %v", res.RowsAffected, res.Error)
	var bob GormUser
	g.ok("bob", g.db.Where(&GormUser{Name: "bob"}).First(&bob).Error)
	g.log("bob is %d", bob.Age)
	var dora GormUser
	res = g.db.Where(GormUser{Name: "dora"}).Attrs(GormUser{Age: 9}).FirstOrCreate(&dora)
	g.log("dora %d %d %v", res.RowsAffected, dora.Age, res.Error)
}

func (g *gormProgram) total() int64 {
	var n int64
	g.ok("count", g.db.Model(&GormOrder{}).Count(&n).Error)
	return n
}

func (g *gormProgram) transactions() {
	boom := errors.New("boom")
	err := g.db.Transaction(func(tx *gorm.DB) error {
		g.ok("in tx", tx.Create(&GormOrder{GormUserID: 1, Item: "gone"}).Error)
		return boom
	})
	g.log("rolled back %v, orders %d", errors.Is(err, boom), g.total())
	err = g.db.Transaction(func(tx *gorm.DB) error {
		g.ok("outer", tx.Create(&GormOrder{GormUserID: 1, Item: "kept"}).Error)
		inner := tx.Transaction(func(tx2 *gorm.DB) error {
			g.ok("inner", tx2.Create(&GormOrder{GormUserID: 1, Item: "undone"}).Error)
			return boom
		})
		g.log("savepoint rolled back %v", errors.Is(inner, boom))
		return nil
	})
	g.log("committed %v, orders %d", err, g.total())
	func() {
		defer func() { g.log("panic %v, orders %d", recover(), g.total()) }()
		g.db.Transaction(func(tx *gorm.DB) error {
			g.ok("before panic", tx.Create(&GormOrder{GormUserID: 1, Item: "lost"}).Error)
			panic("oh")
		})
	}()
	tx := g.db.Begin()
	g.ok("begin", tx.Error)
	g.ok("savepoint", tx.SavePoint("sp").Error)
	g.ok("after savepoint", tx.Create(&GormOrder{GormUserID: 1, Item: "sp"}).Error)
	g.ok("rollback to", tx.RollbackTo("sp").Error)
	g.log("commit %v, twice %v", tx.Commit().Error, tx.Commit().Error)
	g.log("orders %d", g.total())
}

func (g *gormProgram) batches() {
	var many []GormOrder
	for i := range 120 {
		many = append(many, GormOrder{GormUserID: 2, Item: fmt.Sprintf("item %03d", i)})
	}
	res := g.db.CreateInBatches(&many, 50)
	g.log("batches %d %v", res.RowsAffected, res.Error)
	var sizes []int
	var page []GormOrder
	res = g.db.Where("item LIKE ?", "item %").FindInBatches(&page, 50, func(tx *gorm.DB, batch int) error {
		sizes = append(sizes, len(page))
		return nil
	})
	g.log("found %d in %v %v", res.RowsAffected, sizes, res.Error)
}

func (g *gormProgram) rows() {
	rows, err := g.db.Model(&GormOrder{}).Where("item LIKE ?", "item 00%").Order("item").Rows()
	g.ok("rows", err)
	defer rows.Close()
	for rows.Next() {
		var o GormOrder
		g.ok("scan", g.db.ScanRows(rows, &o))
		g.log("row %s %v", o.Item, o.Paid)
	}
	var items []string
	g.ok("pluck", g.db.Model(&GormOrder{}).Where("gorm_user_id = ?", 1).Order("id").Pluck("item", &items).Error)
	g.log("items %v", items)
	var one struct{ A, B string }
	g.ok("raw", g.db.Raw("SELECT @a AS a, @b AS b FROM gorm_users WHERE name = @a",
		sql.Named("a", "ada"), sql.Named("b", "x")).Scan(&one).Error)
	g.log("named %v", one)
}

func (g *gormProgram) errors() {
	err := g.db.Create(&GormUser{Name: "ada"}).Error
	g.log("duplicate %v", errors.Is(err, gorm.ErrDuplicatedKey))
	err = g.db.First(&GormUser{}, 999999).Error
	g.log("missing %v", errors.Is(err, gorm.ErrRecordNotFound))
	g.log("bad table %q", g.db.Exec("SELECT * FROM no_such_table").Error)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.log("canceled %v", errors.Is(g.db.WithContext(ctx).First(&GormUser{}).Error, context.Canceled))
	g.log("after errors %d", g.total())
}

// prepared uses GORM's own cache of prepared statements, in and out of a
// transaction, from several goroutines.
func (g *gormProgram) prepared() {
	db := g.db.Session(&gorm.Session{PrepareStmt: true})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				var u GormUser
				if err := db.Where("name = ?", "ada").First(&u).Error; err != nil || u.Name != "ada" {
					g.t.Errorf("prepared, goroutine %d: have %q, %v, want ada", i, u.Name, err)
				}
			}
		})
	}
	wg.Wait()
	err := db.Transaction(func(tx *gorm.DB) error {
		var n int64
		err := tx.Model(&GormUser{}).Where("age > ?", 1).Count(&n).Error
		g.log("prepared in a transaction: %d", n)
		return err
	})
	g.log("prepared %v", err)
}

func (g *gormProgram) oneConnection() {
	err := g.db.Connection(func(tx *gorm.DB) error {
		if err := tx.Exec("CREATE TEMPORARY TABLE gorm_temp (n INTEGER)").Error; err != nil {
			return err
		}
		if err := tx.Exec("INSERT INTO gorm_temp VALUES (?), (?)", 1, 2).Error; err != nil {
			return err
		}
		var n int
		err := tx.Raw("SELECT SUM(n) FROM gorm_temp").Scan(&n).Error
		g.log("temporary table %d", n)
		return errors.Join(err, tx.Exec("DROP TABLE gorm_temp").Error)
	})
	g.log("connection %v", err)
}

func (g *gormProgram) concurrent() {
	if strings.HasPrefix(g.db.Dialector.Name(), "sqlite") {
		return // a file has one writer at a time, with or without a pool
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				err := g.db.Transaction(func(tx *gorm.DB) error {
					return tx.Create(&GormTag{Name: fmt.Sprintf("tag %d %d", i, j)}).Error
				})
				if err != nil {
					g.t.Errorf("goroutine %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	var n int64
	g.ok("count", g.db.Model(&GormTag{}).Where("name LIKE ?", "tag %").Count(&n).Error)
	g.log("tags %d", n)
}

func (g *gormProgram) alter() {
	type GormTag struct {
		ID    uint
		Name  string `gorm:"size:50;uniqueIndex"`
		Color string `gorm:"size:20;default:none;index"`
	}
	m := g.db.Migrator()
	g.ok("add column", g.db.AutoMigrate(&GormTag{}))
	g.log("added %v", m.HasColumn(&GormTag{}, "Color"))
	var tag GormTag
	g.ok("read", g.db.Where("name = ?", "green").First(&tag).Error)
	g.log("color %q", tag.Color)
	g.ok("rename", m.RenameColumn(&GormTag{}, "color", "colour"))
	g.log("renamed %v %v", m.HasColumn(&GormTag{}, "color"), m.HasColumn(&GormTag{}, "colour"))
	g.ok("drop", m.DropColumn(&GormTag{}, "colour"))
	g.log("dropped %v", m.HasColumn(&GormTag{}, "colour"))
}

func (g *gormProgram) remove() {
	res := g.db.Where("name = ?", "dora").Delete(&GormUser{})
	g.log("soft delete %d %v", res.RowsAffected, res.Error)
	var n, all int64
	g.ok("count", g.db.Model(&GormUser{}).Count(&n).Error)
	g.ok("count", g.db.Unscoped().Model(&GormUser{}).Count(&all).Error)
	g.log("users %d of %d", n, all)
	res = g.db.Select("Orders", "Account", "Tags").Delete(&GormUser{Model: gorm.Model{ID: 1}})
	g.log("with associations %d %v, orders %d", res.RowsAffected, res.Error, g.total())
}
