package sandbox

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// The token endpoint refuses clients that request the same token again and
// again instead of keeping it: from 15 times in 5 minutes on, according to what
// Microsoft says about the change of October 2018 ("What's new for
// authentication"). Requests are the same when client, scopes, tenant and user
// are.
const (
	DefaultLoopLimit = 15
	loopWindow       = 5 * time.Minute
)

// loops counts requests to the token endpoint that are the same.
type loops struct {
	limit int // 0 for none
	seen  map[string]loop
}

// loop is how often something was asked for within the window that then began.
type loop struct {
	began time.Time
	times int
}

// LoopLimit returns how many times in five minutes the token endpoint answers
// the same request, 0 for any number.
func (s *Sandbox) LoopLimit() int {
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	return s.signIn.loops.limit
}

// SetLoopLimit sets how many times in five minutes the token endpoint answers
// the same request, DefaultLoopLimit at first; 0 means any number. Further ones
// are refused until the five minutes are over: with AADSTS50196, and those of
// applications with 429. What was asked for before is forgotten.
func (s *Sandbox) SetLoopLimit(times int) error {
	if times < 0 {
		return errors.New("sandbox: the limit of loops is a number of requests, 0 for none")
	}
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.loops = loops{limit: times}
	return nil
}

// looping notes a request for tokens and tells whether it is one too many.
func (in *signIn) looping(parts ...string) bool {
	key, now := strings.ToLower(strings.Join(parts, "\n")), in.s.now()
	in.mu.Lock()
	defer in.mu.Unlock()
	l := &in.loops
	if l.limit == 0 {
		return false
	}
	if len(l.seen) >= 10_000 { // asked for by many; a client that loops is soon back
		l.seen = nil
	}
	if l.seen == nil {
		l.seen = map[string]loop{}
	}
	one := l.seen[key]
	if age := now.Sub(one.began); one.times == 0 || age < 0 || age >= loopWindow {
		one = loop{began: now}
	}
	one.times++
	l.seen[key] = one
	return one.times > l.limit
}

// refuseLoop answers an application that asks too often.
func (in *signIn) refuseLoop(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "60")
	f := refuse(90055)
	f.status = http.StatusTooManyRequests
	in.refuseToken(w, r, f)
}
