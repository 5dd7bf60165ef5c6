// Package server puts Crosswalk together: it opens the databases, builds
// every part, serves the web UI and the API, works on runs, and drains when
// told to stop.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/access"
	"github.com/crosswalk-data/crosswalk/internal/api"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/queue"
	"github.com/crosswalk-data/crosswalk/internal/secret"
	"github.com/crosswalk-data/crosswalk/internal/store"
	"github.com/crosswalk-data/crosswalk/internal/table"
	"github.com/crosswalk-data/crosswalk/internal/web"
)

// Config says how to run the server. Only DataDir must be set.
type Config struct {
	Listen       string // address to listen on; "" means 127.0.0.1:8080
	DataDir      string // folder of the SQLite files, the key and the token; made when missing
	Database     string // "" means SQLite in DataDir, else a postgres:// address
	PublicURL    string // address people reach the server at; "" means http:// and the listening address
	ClientID     string // app registration for connections without one of their own
	ClientSecret string
	NewKey       bool          // the key file counts, even if secrets are sealed with a key that is not in it
	Workers      int           // slices worked on at a time; 0 means 4
	SliceBudget  time.Duration // of one slice; 0 means 30 s
	SliceLimit   time.Duration // when a slice is cut off that does not end; 0 means 110 s, and so does more
	PageSize     int           // rows asked for a page; 0 means 5,000
	TrackAgain   time.Duration // how long a job finds changes by their time until it is tried again to have them tracked; 0 means a day
	ParallelFrom int           // tables with more records are read in several streams; 0 means 50,000
	Logger       *slog.Logger  // nil means no log
	Version      string
}

// linkLife is how long a one-time sign-in link can be used.
const linkLife = 24 * time.Hour

// Server is a running Crosswalk.
type Server struct {
	cfg      Config
	listener net.Listener
	lock     *os.File
	db       *database.DB
	store    *store.Store
	queue    *queue.Queue
	runner   *runner
	handler  http.Handler
	token    string
}

// New opens everything a server needs and begins to listen; Run serves. It
// returns CodeConflict when another process uses the data directory.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:8080"
	}
	if cfg.Workers == 0 {
		cfg.Workers = 4
	}
	if cfg.TrackAgain == 0 {
		cfg.TrackAgain = trackAgain
	}
	if cfg.SliceBudget == 0 {
		cfg.SliceBudget = 30 * time.Second
	}
	if cfg.ParallelFrom == 0 {
		cfg.ParallelFrom = dataverse.AggregateLimit
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, unusable(cfg.DataDir, err)
	}
	if s.lock, err = lockFile(filepath.Join(cfg.DataDir, "crosswalk.lock")); err != nil {
		return nil, err
	}
	keys, err := secret.OpenKeyFile(filepath.Join(cfg.DataDir, "crosswalk.key"))
	if err != nil {
		return nil, err
	}
	if err := s.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := s.checkKey(ctx, keys); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, deaf(cfg.Listen, err)
	}
	if s.cfg.PublicURL == "" {
		s.cfg.PublicURL = localURL(s.listener.Addr())
	}
	s.cfg.PublicURL = strings.TrimSuffix(s.cfg.PublicURL, "/")
	if err := s.ensureToken(ctx); err != nil {
		return nil, err
	}
	con := connector.New(connector.Config{
		Store:        s.store,
		Keys:         keys,
		ClientID:     cfg.ClientID,
		ClientSecret: cfg.ClientSecret,
		RedirectURL:  s.cfg.PublicURL + "/oauth/callback",
		Logger:       cfg.Logger,
	})
	s.runner = &runner{db: s.db, store: s.store, connector: con, log: cfg.Logger, budget: cfg.SliceBudget, pageSize: cfg.PageSize, parallel: cfg.ParallelFrom, trackAgain: cfg.TrackAgain, again: map[string]int{}}
	s.runner.room.workers = cfg.Workers
	s.runner.room.waiting = func(ctx context.Context) bool { return s.queue.Waiting(ctx) }
	s.runner.settler = newSettler(s.db, s.store, cfg.Logger)
	s.queue, err = queue.Open(ctx, queue.Config{
		DB:         s.queueDSN(),
		Workers:    cfg.Workers,
		SliceLimit: cfg.SliceLimit,
		Logger:     cfg.Logger,
		Work:       s.runner.outlast,
		Park:       s.runner.park,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	s.handler = api.New(api.Config{
		Store:     s.store,
		DB:        s.db,
		Connector: con,
		Enqueue: func(ctx context.Context, runID string, fence int64) error {
			return s.queue.Enqueue(ctx, queue.Slice{RunID: runID, Fence: fence})
		},
		Preview:    s.runner.preview,
		Evaluate:   s.runner.evaluate,
		SignInLink: s.SignInLink,
		PublicURL:  s.cfg.PublicURL,
		ClientID:   cfg.ClientID,
		Version:    cfg.Version,
		UI:         web.Handler(),
		Logger:     cfg.Logger,
	})
	return s, nil
}

// deaf says that the server cannot listen on an address.
func deaf(address string, err error) error {
	hint := "Name an address of this machine with --listen, for example 127.0.0.1:8080. Ports below 1024 need rights of their own."
	if errors.Is(err, syscall.EADDRINUSE) {
		hint = "Another program uses that address; choose another with --listen."
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "Cannot listen on %s.", address).WithHint("%s", hint).WithCause(err)
}

func (s *Server) openDatabase(ctx context.Context) (err error) {
	if s.alone() {
		err = s.mislaid()
	}
	if err != nil {
		return err
	}
	if s.db, err = database.Open(ctx, s.databaseDSN(), s.cfg.Logger); err != nil {
		return err
	}
	if pool := s.db.Pool(); pool != nil && int(pool.Config().MaxConns) < s.connections() {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "%d connections to the database are too few for %d workers.", pool.Config().MaxConns, s.cfg.Workers).
			WithHint("Set pool_max_conns in the address of the database to %d or more, or take it out; or start with fewer --workers.", s.connections())
	}
	s.store = store.New(s.db)
	if err := s.store.Migrate(ctx); err != nil {
		return err
	}
	if err := s.store.EnsureStandardObjects(ctx); err != nil {
		return err
	}
	objects, err := s.store.ListObjects(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := table.Ensure(ctx, s.db, o); err != nil {
			return fmt.Errorf("table of %s: %w", o.Name, err)
		}
	}
	return nil
}

// checkKey refuses a key file that does not hold the key with which the
// secrets in the database are sealed.
func (s *Server) checkKey(ctx context.Context, keys *secret.Keyring) error {
	id, err := s.store.PinKey(ctx, keys.ID(), func(id string) bool { return s.cfg.NewKey || keys.Has(id) })
	if err != nil || keys.Has(id) {
		return err
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "The key file %s does not belong to this database: its secrets are sealed with the key %s, and the file holds %s.",
		filepath.Join(s.cfg.DataDir, "crosswalk.key"), id, keys.ID()).
		WithHint("Put the crosswalk.key of the other servers, or of the backup of this one, there: all servers on one database need the same one. " +
			"If it is lost for good, start once with --new-key and enter the secrets again.")
}

// connections is how many connections to PostgreSQL the workers need: each
// holds one for its batches while it asks for another one.
func (s *Server) connections() int { return 2*s.cfg.Workers + 4 }

// databaseDSN returns where the data live.
func (s *Server) databaseDSN() string {
	dsn := s.cfg.Database
	switch {
	case s.alone():
		return "sqlite:" + filepath.Join(s.cfg.DataDir, "crosswalk.db")
	case s.connections() <= database.DefaultConns || strings.Contains(dsn, "pool_max_conns"):
		return dsn
	case strings.Contains(dsn, "?"):
		dsn += "&"
	default:
		dsn += "?"
	}
	return dsn + "pool_max_conns=" + strconv.Itoa(s.connections())
}

// reseal seals the secrets that are sealed with an older key with the present
// one.
func (s *Server) reseal(ctx context.Context) error {
	n, err := s.runner.connector.Reseal(ctx)
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.Error("seal secrets with the present key", "sealed", n, "error", err)
	} else if n > 0 {
		s.cfg.Logger.Info("secrets sealed with the present key", "secrets", n)
	}
	return nil
}

// queueDSN returns where the queue lives: beside the data on SQLite, since a
// bulk writer in the same file would hold it up, else in the same database.
func (s *Server) queueDSN() string {
	if s.cfg.Database != "" {
		return s.cfg.Database
	}
	return "sqlite:" + filepath.Join(s.cfg.DataDir, "queue.db")
}

// check refuses settings that would only hurt later.
func (c Config) check() error {
	switch {
	case c.SliceBudget > maxSliceBudget:
		return crosswalk.Errorf(crosswalk.CodeInvalid, "A slice of %s is too long; at most %s are allowed.", c.SliceBudget, maxSliceBudget).
			WithHint("A slice is one step of a run, not the run; runs may take as long as they need.")
	case c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://"):
		return crosswalk.Errorf(crosswalk.CodeInvalid, "The database must be a postgres:// address.").
			WithHint("Leave it out to use SQLite files in the data directory.")
	}
	return nil
}

// maxSliceBudget leaves a slice time to end within the queue's limit: what
// was begun within the budget may take that much longer again.
const maxSliceBudget = time.Minute

// localURL returns the address under which this machine reaches the server.
// It names localhost where it can: Microsoft Entra takes a redirect address
// with plain http for that name only.
func localURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && (ip.IsUnspecified() || ip.Equal(net.IPv4(127, 0, 0, 1))) {
		return "http://" + net.JoinHostPort("localhost", port)
	}
	return "http://" + addr.String()
}

// ensureToken makes the API token of the command line on this machine, or
// reads the one made before.
func (s *Server) ensureToken(ctx context.Context) error {
	path := filepath.Join(s.cfg.DataDir, "token")
	if raw, err := os.ReadFile(path); err == nil {
		token := strings.TrimSpace(string(raw))
		if _, err := s.store.FindAPIToken(ctx, access.HashToken(token)); err == nil {
			s.token = token
			return nil
		}
	}
	token, hash := access.NewToken()
	if err := s.store.ReplaceAPIToken(ctx, hash, s.tokenName(), crosswalk.RoleSuperAdmin); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	s.token = token
	return nil
}

// tokenName tells the tokens of several servers on one database apart.
func (s *Server) tokenName() string {
	if s.cfg.Database == "" {
		return "Command line"
	}
	return "Command line of " + home(s.cfg.DataDir)
}

// URL returns the address of the web UI and the API.
func (s *Server) URL() string { return s.cfg.PublicURL }

// Token returns the API token of the command line on this machine.
func (s *Server) Token() string { return s.token }

// SignInLink makes a one-time link. Before there is an administrator it leads
// to the set-up page, afterwards it signs the first administrator in.
func (s *Server) SignInLink(ctx context.Context) (string, error) {
	token, hash := access.NewToken()
	if err := s.store.InsertLink(ctx, hash, time.Now().Add(linkLife)); err != nil {
		return "", err
	}
	return s.cfg.PublicURL + "/link?token=" + token, nil
}

// drainLimit is how long requests and slices under way may take to end.
const drainLimit = 10 * time.Second

// Run serves until ctx ends and then drains: requests end, slices stop at
// what they have stored and go on after the next start. It closes everything
// New opened.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	gone, err := s.store.Join(ctx, s.node(), s.alone())
	if err != nil {
		return err
	}
	if _, err := s.runner.recover(ctx, s.queue, gone || s.alone()); err != nil {
		return fmt.Errorf("take up unfinished runs: %w", err)
	}
	if err := s.queue.Start(ctx); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 16,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	died := make(chan struct{}, 1)
	group.Go(func() error { return s.beat(gctx, died) })
	group.Go(func() error { return s.sweep(gctx, died) })
	group.Go(func() error { return s.watchAge(gctx) })
	group.Go(func() error { return s.guard(gctx) })
	group.Go(func() error { return s.reseal(gctx) })
	group.Go(func() error { return s.keepAlive(gctx) })
	group.Go(func() error {
		<-gctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
		defer cancel()
		return srv.Shutdown(drain)
	})
	return group.Wait()
}

// keepAlive refreshes unused authorizations once a day, before Microsoft ends
// them. It begins a while after the start, when the environments have
// answered to what is more urgent.
func (s *Server) keepAlive(ctx context.Context) error {
	wait := time.NewTimer(10 * time.Minute)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
			n, err := s.runner.connector.KeepAlive(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				s.cfg.Logger.Error("keep authorizations alive", "error", err)
			case n > 0:
				s.cfg.Logger.Info("authorizations kept alive", "connections", n)
			}
			wait.Reset(24 * time.Hour)
		}
	}
}

func (s *Server) close() {
	if s.queue != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
		defer cancel()
		if err := s.queue.Stop(ctx); err != nil {
			s.cfg.Logger.Warn("stop the queue", "error", err)
		} else if err := s.store.Leave(ctx); err != nil {
			s.cfg.Logger.Warn("leave", "error", err)
		}
	}
	if s.runner != nil {
		s.runner.settler.close()
	}
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
}
