package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/crosswalk-data/crosswalk"
)

// Dialect is the kind of a database.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

// String returns the name of the dialect in lower case.
func (d Dialect) String() string {
	if d == Postgres {
		return "postgres"
	}
	return "sqlite"
}

const (
	sqliteReaders   = 4                // connections that only read
	connectTimeout  = 15 * time.Second // to find out whether PostgreSQL answers
	busyTimeoutMS   = 5000             // another process may hold the SQLite file
	readerCacheKB   = 4096
	writerCacheKB   = 16384
	sorterKB        = 4096
	checkpointPages = 8192 // 32 MB of write-ahead log between checkpoints
)

// DefaultConns is how many connections to PostgreSQL are held open at most,
// unless the address says pool_max_conns.
const DefaultConns = 16

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	path    string        // SQLite
	file    os.FileInfo   // SQLite: the file that was opened
	pool    *pgxpool.Pool // PostgreSQL
	read    *sql.DB
	write   *sql.DB // on PostgreSQL the same as read
	lock    *Lock
	log     *slog.Logger
}

// Open opens the database at dsn: "sqlite:/dir/crosswalk.db" makes the folder
// (mode 0700) and the file (mode 0600) when they are missing;
// "postgres://user@host/name" must exist. log may be nil. It returns
// CodeInvalid for an address of neither kind and CodeUnavailable when the
// database cannot be opened or does not answer.
func Open(ctx context.Context, dsn string, log *slog.Logger) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		return openSQLite(ctx, rest, log)
	case "postgres", "postgresql":
		return openPostgres(ctx, dsn, log)
	}
	return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The address of the database must begin with sqlite: or postgres://.").
		WithHint("Examples: sqlite:/var/lib/crosswalk/crosswalk.db and postgres://crosswalk@db.example.com/crosswalk.")
}

func openSQLite(ctx context.Context, path string, log *slog.Logger) (*DB, error) {
	fail := func(err error) (*DB, error) {
		return nil, crosswalk.Errorf(crosswalk.CodeUnavailable, "The database file %s cannot be opened.", path).WithCause(err).
			WithHint("Check that the folder exists and that Crosswalk may write to it.")
	}
	if path == "" {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The address of the database names no file.").
			WithHint("Write it as sqlite:/var/lib/crosswalk/crosswalk.db.")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	// The file holds password hashes and customers' data; SQLite gives its
	// side files the mode of the main file.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fail(err)
	}
	file, err := f.Stat()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fail(err)
	}
	registerFunctions()
	db := &DB{dialect: SQLite, path: path, file: file, log: log}
	db.lock = lockOf(path, db.Present)
	db.write, err = sql.Open("sqlite", sqliteDSN(path, "_txlock=immediate"))
	if err != nil {
		return fail(err)
	}
	db.write.SetMaxOpenConns(1)
	db.read, err = sql.Open("sqlite", sqliteDSN(path, fmt.Sprintf("_pragma=query_only(1)&_pragma=cache_size(-%d)", readerCacheKB)))
	if err != nil {
		return fail(err)
	}
	db.read.SetMaxOpenConns(sqliteReaders)
	db.read.SetMaxIdleConns(sqliteReaders)
	if err := db.write.PingContext(ctx); err != nil {
		_ = db.Close()
		return fail(err)
	}
	if err := keepTempFiles(ctx, db.write, filepath.Dir(path)); err != nil {
		_ = db.Close()
		return fail(err)
	}
	return db, nil
}

var tempFiles sync.Once

// keepTempFiles has SQLite put its temporary files into the folder: there is
// room for what is large, where /tmp may be small, missing or memory. That is
// said once for all connections of the process; when the folder is gone, SQLite
// looks for another one.
func keepTempFiles(ctx context.Context, db *sql.DB, dir string) (err error) {
	tempFiles.Do(func() {
		_, err = db.ExecContext(ctx, "PRAGMA temp_store_directory = '"+strings.ReplaceAll(dir, "'", "''")+"'")
	})
	return err
}

// Present returns CodeConflict when the SQLite file is no longer the one that
// was opened: somebody deleted it, or put another one in its place. What was
// written then would be lost, or would spoil the other one. On PostgreSQL it
// returns nil.
func (db *DB) Present() error {
	if db.file == nil {
		return nil
	}
	now, err := os.Stat(db.path)
	if err == nil && os.SameFile(db.file, now) {
		return nil
	}
	what := "replaced"
	if err != nil {
		what = "taken away"
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "The database file %s was %s while Crosswalk had it open.", db.path, what).
		WithHint("Stop Crosswalk before you touch its files. Put the file that counts there, without files named -wal and -shm of another one beside it, and start Crosswalk again.").
		WithCause(err)
}

// Ready returns an error when the database does not answer, is not the one that
// was opened, or is a copy of PostgreSQL that takes no changes; see Outage.
func (db *DB) Ready(ctx context.Context) error {
	if db.dialect == SQLite {
		if err := db.Present(); err != nil {
			return err
		}
		return db.read.QueryRowContext(ctx, "SELECT 1").Scan(new(int))
	}
	var readOnly string
	err := db.read.QueryRowContext(ctx, "SHOW transaction_read_only").Scan(&readOnly)
	if err == nil && readOnly != "off" {
		err = &pgconn.PgError{Code: "25006", Message: "the server is read only"}
	}
	return err
}

// sqliteDSN names the file with the settings every connection has. The driver
// applies busy_timeout before the others, whatever the order. A connection
// that is made later must not make a file anew.
func sqliteDSN(path, more string) string {
	u := url.URL{Scheme: "file", Path: path}
	q := []string{"mode=rw"}
	for _, p := range SQLitePragmas() {
		q = append(q, "_pragma="+url.QueryEscape(p))
	}
	return u.String() + "?" + strings.Join(q, "&") + "&" + more
}

// SQLitePragmas returns the settings of every SQLite connection, in the order
// they must be made, each as "name(value)". synchronous is FULL so that a
// committed checkpoint survives a power cut. temp_store is left as it is: in
// memory, what is sorted would take as much of it as there is to sort.
func SQLitePragmas() []string {
	return []string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeoutMS),
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(ON)",
		fmt.Sprintf("cache_size(-%d)", writerCacheKB),
		fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
		"journal_size_limit(67108864)",
	}
}

func openPostgres(ctx context.Context, dsn string, log *slog.Logger) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// The cause would repeat the address, which may hold a password.
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "The address of the database is not valid.").
			WithHint("Write it as postgres://user:password@host:5432/name; characters such as @ and / in the password must be percent-encoded.")
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = DefaultConns
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "crosswalk"
	}
	cfg.AfterConnect = Limit
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err = pool.Ping(ctx); err != nil {
			pool.Close()
		}
	}
	if err != nil {
		return nil, crosswalk.Errorf(crosswalk.CodeUnavailable, "The PostgreSQL database %q at %s does not answer.", cfg.ConnConfig.Database, cfg.ConnConfig.Host).
			WithCause(reason(err)).WithHint("Check that the server runs, that the database exists and that the user may sign in.")
	}
	std := stdlib.OpenDBFromPool(pool)
	return &DB{dialect: Postgres, pool: pool, read: std, write: std, lock: newLock(), log: log}, nil
}

// reason returns what keeps a connection to PostgreSQL from being made, without
// what pgx says around it: address, user and database, and the same once more
// for every address of the host.
func reason(err error) error {
	var lookup *net.DNSError
	var refused *pgconn.PgError
	var op *net.OpError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &lookup):
		return lookup
	case errors.As(err, &op):
		return op
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("it took longer than %s", connectTimeout)
	}
	return err
}

// Limit has PostgreSQL give up what a client asked for that is no longer
// there. A transaction whose client says nothing for long, because it was
// stopped in the middle of it, is rolled back; a statement whose client is gone
// is ended, where the server's system can tell. Either would keep its locks,
// and nobody else could go on with the work.
func Limit(ctx context.Context, conn *pgx.Conn) error {
	// Servers on some systems refuse every value but 0.
	_, _ = conn.Exec(ctx, "SET client_connection_check_interval = '5s'")
	_, err := conn.Exec(ctx, "SET idle_in_transaction_session_timeout = '20s'")
	return err
}

// Close closes every connection. Open transactions are rolled back.
func (db *DB) Close() error {
	var err error
	if db.read != nil {
		err = db.read.Close()
	}
	if db.dialect == Postgres {
		db.pool.Close()
		return err
	}
	if db.write != nil {
		if e := db.write.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Dialect returns the kind of the database.
func (db *DB) Dialect() Dialect { return db.dialect }

// Path returns the absolute path of the SQLite file and "" on PostgreSQL.
func (db *DB) Path() string { return db.path }

// Pool returns the connections to PostgreSQL and nil on SQLite. It is for the
// bulk writer, which needs COPY.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Lock returns the lock of the SQLite file's one writer. Who writes through a
// connection of its own holds it from before BEGIN until after COMMIT. On
// PostgreSQL nothing needs it.
func (db *DB) Lock() *Lock { return db.lock }
