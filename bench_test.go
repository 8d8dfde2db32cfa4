package guerdon_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func BenchmarkRecord(b *testing.B) {
	for _, name := range []string{"memory", "sqlite"} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, openers[name](b))
			i := 0
			for b.Loop() {
				at := start.Add(time.Duration(i) * time.Second)
				w.set(at)
				_, err := w.Record(b.Context(), run(fmt.Sprint("e", i), "ada", at))
				require.NoError(b, err)
				i++
			}
		})
	}
}
