package database

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/crosswalk-data/crosswalk"
)

// Outage returns what keeps the database from doing its work at the moment, in
// words for a person, when err says so, with err as its cause; else nil. It
// passes by itself or when somebody sees to it: trying again later can help,
// and nothing of the transaction that failed is stored, unless what got lost
// was the answer to its commit.
//
// Given what it returned, it returns that again. Who also speaks to others than the database must have turned their errors
// into a crosswalk.Error: one that is no fault of Crosswalk's own is no outage.
func Outage(err error) *crosswalk.Error {
	var e *crosswalk.Error
	if err == nil || errors.As(err, &e) && e.Code != crosswalk.CodeInternal {
		if errors.As(err, new(outage)) {
			return e
		}
		return nil
	}
	w, ok := heldWords(err)
	if !ok {
		w, ok = postgresOutage(err)
	}
	if !ok {
		w, ok = sqliteOutage(err)
	}
	if !ok {
		return nil
	}
	return crosswalk.Errorf(crosswalk.CodeUnavailable, "%s", w.message).WithHint("%s", w.hint).WithCause(outage{err})
}

// outage is a cause that Outage knows again.
type outage struct{ error }

func (o outage) Unwrap() error { return o.error }

type words struct{ message, hint string }

var (
	away     = words{"The database does not answer.", "Crosswalk goes on by itself when it does."}
	crowded  = words{"The database has no connection left for Crosswalk.", "Crosswalk goes on by itself when there is one. Let the database take more, or run fewer servers or workers."}
	readOnly = words{"The database takes no changes.", "It was made read only, or is the copy of another one. Crosswalk goes on by itself when it takes changes again."}
	full     = words{"The disk of the database is full.", "Make room; Crosswalk goes on by itself, and what is stored already stays."}
	busy     = words{"Another program holds the database file.", "Crosswalk goes on by itself when it is free again."}
	held     = words{"Something that takes long holds the database, such as making an index over many rows.", "Crosswalk goes on by itself when that is done."}
	rivals   = words{"Changes of the same rows got into each other's way too often.", "Crosswalk tries again by itself."}
	disk     = words{"The disk of the database fails.", "Look into the log of this machine. Crosswalk tries again by itself."}
)

func heldWords(err error) (words, bool) {
	var by *heldError
	if !errors.As(err, &by) {
		return words{}, false
	}
	w := held
	if by.by != "" {
		w.message = by.by + ", and nothing else can be stored until that is done."
	}
	return w, true
}

// postgresOutage reads the codes of PostgreSQL, appendix A of its manual.
func postgresOutage(err error) (words, bool) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", "40P01": // serialization_failure, deadlock_detected
			return rivals, true
		case "25006": // read_only_sql_transaction
			return readOnly, true
		case "53100": // disk_full
			return full, true
		case "53300": // too_many_connections
			return crowded, true
		case "57P01", "57P02", "57P03", "57P05", "25P03", "25P04":
			// admin_shutdown, crash_shutdown, cannot_connect_now,
			// idle_session_timeout, and those of transactions
			return away, true
		}
		return away, len(pg.Code) == 5 && (pg.Code[:2] == "08" || pg.Code[:2] == "53") // connection_exception, insufficient_resources
	}
	// The connection broke off, or none can be made.
	var connect *pgconn.ConnectError
	var network *net.OpError
	return away, errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn)
}

func sqliteOutage(err error) (words, bool) {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL:
		return full, true
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy, true
	case sqlite3.SQLITE_READONLY:
		return readOnly, true
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return disk, true
	}
	return words{}, false
}
