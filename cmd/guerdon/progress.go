package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
)

// A progress says on a terminal how far something is that takes long. What is not told to a terminal is told to nobody.
type progress struct {
	what        string
	done, total atomic.Int64
	stop, ended chan struct{}
}

// begin begins to tell how far something is, of a total that may be 0 for not known, until [progress.end].
func (p *program) begin(what string, total int64) *progress {
	g := &progress{what: what}
	g.total.Store(total)
	f, is := p.notes.(*os.File)
	if !is || !isatty.IsTerminal(f.Fd()) {
		return g
	}
	g.stop, g.ended = make(chan struct{}), make(chan struct{})
	go g.tell(f)
	return g
}

// busy tells that something goes on, of which nobody knows how far it is, until the function that it returns is called.
func (p *program) busy(what string) (end func()) { return p.begin(what, 0).end }

// end takes the line away.
func (g *progress) end() {
	if g.stop != nil {
		close(g.stop)
		<-g.ended
		g.stop = nil
	}
}

// tell writes a line over itself until it is stopped.
func (g *progress) tell(to *os.File) {
	defer close(g.ended)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; {
		select {
		case <-g.stop:
			_, _ = fmt.Fprint(to, "\r\x1b[K") // it only tells
			return
		case <-tick.C:
			_, _ = fmt.Fprintf(to, "\r\x1b[K%s", g.line(time.Since(begun)))
		}
	}
}

// line returns how far it is after some time.
func (g *progress) line(since time.Duration) string {
	const width = 30
	total := g.total.Load()
	if total <= 0 {
		return fmt.Sprintf("%s, %s", g.what, since.Round(time.Second))
	}
	done := min(g.done.Load(), total)
	return fmt.Sprintf("%s [%-*s] %d %%, %s", g.what, width, strings.Repeat("#", int(done*width/total)), done*100/total, since.Round(time.Second))
}
