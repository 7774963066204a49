package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// database is what the scenarios run on.
type database struct {
	shown  string        // the DSN as given, without its password
	cfg    pooled.Config // its Driver and DSN are those of the bare driver
	server *server
	// memory: it is SQLite's, in memory. Then it is as fast as it is empty, nobody else uses it, and the scenarios may
	// be large.
	memory bool
	// opening is how long a connection took to open.
	opening time.Duration
}

// reach finds out what the database is and whether it answers. The errors of the way through pooled show no password.
func reach(ctx context.Context, cfg pooled.Config) (*database, error) {
	cfg, err := cli.WithDriver(cfg)
	if err != nil {
		return nil, err
	}
	if err := cli.HasDriver(cfg.Driver); err != nil {
		return nil, err
	}
	d := &database{cfg: cfg, server: servers[cfg.Driver]}
	if d.server == sqliteServer {
		if err := cli.FileExists(cfg.DSN); err != nil {
			return nil, err
		}
	}
	s, err := d.openPooled(nil)
	if err != nil {
		return nil, err
	}
	defer s.db.Close()
	if d.server == nil {
		return nil, fmt.Errorf("the demo knows PostgreSQL, MySQL, MariaDB and SQLite, not the server of driver %s",
			cfg.Driver)
	}
	began := time.Now()
	if err := s.db.PingContext(ctx); err != nil {
		return nil, err
	}
	d.opening = time.Since(began)
	if d.server == sqliteServer {
		d.memory, err = d.inMemory(ctx)
	}
	return d, err
}

// inMemory asks SQLite which file the database is in, by way of the bare driver: pooled opens a memory database by a
// name.
func (d *database) inMemory(ctx context.Context) (bool, error) {
	s, err := d.openBare()
	if err != nil {
		return false, err
	}
	defer s.db.Close()
	var file sql.NullString
	err = s.db.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file)
	return file.String == "", err
}

func (d *database) String() string {
	if d.memory {
		return d.shown + " (SQLite, in this process)"
	}
	return d.shown
}

// subject is the database as a program has it open: bare, or through pooled.
type subject struct {
	name   string
	db     *sql.DB
	opened func() int // how many real connections were opened for it so far
	pooled bool
}

// beside shows f on the bare driver, then on pooled with its Config changed.
func (d *database) beside(change func(*pooled.Config), f func(*subject) error) error {
	openPooled := func() (*subject, error) { return d.openPooled(change) }
	for _, open := range []func() (*subject, error){d.openBare, openPooled} {
		s, err := open()
		if err != nil {
			return err
		}
		if err := errors.Join(f(s), s.db.Close()); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (d *database) openBare() (*subject, error) {
	connector, err := connectorOf(d.cfg.Driver, d.cfg.DSN)
	if err != nil {
		return nil, err
	}
	c := &counting{Connector: connector}
	return &subject{
		name:   "bare",
		db:     sql.OpenDB(c),
		opened: func() int { return int(c.opened.Load()) },
	}, nil
}

// openPooled opens the database as programs do, by a DSN. The options are pooled's defaults, so that one that the user
// has good reason for elsewhere (pool_class=null) doesn't make another demo of this one.
func (d *database) openPooled(change func(*pooled.Config)) (*subject, error) {
	cfg := pooled.NewConfig()
	cfg.Driver, cfg.DSN, cfg.Name = d.cfg.Driver, d.cfg.DSN, d.cfg.Name
	if change != nil {
		change(&cfg)
	}
	db, err := sql.Open(pooled.DriverName, cfg.FormatDSN())
	if err != nil {
		return nil, err
	}
	pool, ok := pooled.PoolOf(db)
	if !ok {
		return nil, errors.Join(errors.New("sql.Open gave a DB without a pool"), db.Close())
	}
	return &subject{
		name:   "pooled",
		db:     db,
		opened: func() int { return int(pool.Stats().Opened) },
		pooled: true,
	}, nil
}
