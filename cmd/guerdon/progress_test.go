package main

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How far something is is told in a line; to what is no terminal, not at all.
func TestProgress(t *testing.T) {
	t.Parallel()
	piped, err := os.Create(t.TempDir() + "/notes")
	require.NoError(t, err)
	defer func() { require.NoError(t, piped.Close()) }()
	for _, notes := range []io.Writer{io.Discard, piped} {
		p := &program{notes: notes}
		g := p.begin("recording", 300)
		g.done.Store(100)
		require.Equal(t, "recording [##########                    ] 33 %, 1m5s", g.line(65*time.Second))
		g.done.Store(301)
		require.Equal(t, "recording [##############################] 100 %, 2s", g.line(2*time.Second), "a file may grow")
		g.end()
		g.end()
		require.Equal(t, "proving, 3s", p.begin("proving", 0).line(3*time.Second))
	}
	info, err := piped.Stat()
	require.NoError(t, err)
	require.Zero(t, info.Size())
}
