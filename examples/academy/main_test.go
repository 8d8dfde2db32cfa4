package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/pgtest"
)

// told returns what the program tells with a store of its own.
func told(t *testing.T, db string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, db))
	return out.String()
}

func TestEveryStoreTellsTheSame(t *testing.T) {
	t.Parallel()
	want := told(t, "memory")
	for name, db := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "academy.db") },
		"postgres": pgtest.DSN,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := db(t)
			require.Equal(t, want, told(t, at))
			err := run(t.Context(), new(bytes.Buffer), at)
			require.ErrorIs(t, err, fault.ErrExists)
			require.ErrorContains(t, err, "has an academy already")
		})
	}
}

func Example() {
	if err := run(context.Background(), os.Stdout, "memory"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Three people learn to bake, each in the evening:
	//   Yuki    Asia/Tokyo, in English
	//   Giulia  Europe/Rome, in Italian
	//   Leo     America/Los_Angeles, in English
	//
	// Monday, 2 March
	//   Yuki    read “The journey of a loaf”
	//           saw “Four things you need”
	//           → a streak begins
	//   Giulia  read “Il viaggio di un pane”
	//           wanted to see “Un vasetto che respira”, but “Lievito madre” is locked: si apre quando il primo pane è fatto (1 of 5)
	//           → a streak begins
	//   Leo     looked around, and put it off
	//
	// Tuesday, 3 March
	//   Yuki    How much water for 1 kg of flour? “700 g”: right. Less is hard to knead, more is soup.
	//           → 2 days in a row, +5 crumbs
	//   Giulia  saw “Quattro cose che servono”
	//           → 2 days in a row
	//   Yuki leads with 5 crumbs.
	//
	// Wednesday, 4 March
	//   Yuki    How hot is the oven? “240 °C”: right. The crust wants a shock.
	//           baked a loaf
	//           → completed “The first loaf” (5 parts in version 1), “Sourdough” opens, 3 days in a row, +28 crumbs
	//   Giulia  Quanta acqua per 1 kg di farina? “700 g”: right. Con meno si impasta male, con più è una zuppa.
	//           → 3 days in a row, +5 crumbs
	//   Yuki leads with 33 crumbs.
	//
	// Thursday, 5 March
	//   Yuki    → nothing new on Thursday ends a streak of 3 days
	//   Giulia  baked a loaf
	//           → 4 days in a row, +3 crumbs
	//   Yuki leads with 33 crumbs.
	//
	// Friday, 6 March
	//   The author adds a quiz to “The first loaf”. Who begins now is on version 2.
	//   Yuki    saw “A jar that breathes”
	//           baked a loaf
	//           → a streak begins, +3 crumbs
	//   Giulia  Quanto è caldo il forno? “240 °C”: right. La crosta vuole uno shock.
	//           → completed “Il primo pane” (5 parts in version 1), “Lievito madre” opens, 5 days in a row, +25 crumbs
	//   Leo     read “The journey of a loaf”
	//           saw “Four things you need”
	//           → a streak begins
	//   Yuki leads with 36 crumbs.
	//
	// Saturday, 7 March
	//   Yuki    Where does wild yeast come from? “From the flour”: right. It lives on every grain.
	//           → completed “Sourdough” (2 parts in version 1), 2 days in a row, +25 crumbs
	//   Giulia  saw “Un vasetto che respira”
	//           → 6 days in a row
	//   Leo     How much water for 1 kg of flour? “700 g”: right. Less is hard to knead, more is soup.
	//           baked a loaf
	//           → 2 days in a row, +8 crumbs
	//   Yuki leads with 61 crumbs.
	//
	// Sunday, 8 March
	//   Yuki    baked a loaf
	//           → completed “Three loaves in a week”, 3 days in a row, +18 crumbs
	//   Giulia  Da dove viene il lievito selvaggio? “Dalla farina”: right. Vive su ogni chicco.
	//           → completed “Lievito madre” (2 parts in version 1), 7 days in a row, the goal, +35 crumbs
	//   Leo     How hot is the oven? “120 °C”: wrong, it is 240 °C. The crust wants a shock.
	//           → 3 days in a row
	//   Yuki leads with 79 crumbs.
	//
	// Monday, 9 March
	//   Yuki    baked a loaf
	//           → 4 days in a row, +3 crumbs
	//   Giulia  baked a loaf
	//           → 8 days in a row, +3 crumbs
	//   Leo     What does salt do beside taste? “It slows the yeast”: right. A slow dough has more flavour.
	//           → completed “The first loaf” (6 parts in version 2) with a wrong answer, “Sourdough” opens, 4 days in a row, +25 crumbs
	//   Yuki leads with 82 crumbs.
	//
	// Tuesday, 10 March
	//   Yuki    baked a loaf
	//           → 5 days in a row, +3 crumbs
	//   Giulia  baked a loaf
	//           → 9 days in a row, +3 crumbs
	//   Leo     saw “A jar that breathes”
	//           → 5 days in a row
	//   Yuki leads with 85 crumbs.
	//
	// Wednesday, 11 March
	//   Yuki    read “The journey of a loaf” again
	//   Yuki    → nothing new on Wednesday ends a streak of 5 days
	//   Giulia  baked a loaf
	//           → completed “Tre pani in una settimana”, 10 days in a row, +18 crumbs
	//   Leo     Where does wild yeast come from? “From the flour”: right. It lives on every grain.
	//           → completed “Sourdough” (2 parts in version 1), 6 days in a row, +25 crumbs
	//   Giulia leads with 92 crumbs.
	//
	// After 10 days
	//   1. Giulia   92 crumbs, 10 days in a row at best, 2 paths, 60 minutes, 100 % of the answers right
	//   2. Yuki     85 crumbs,  5 days in a row at best, 2 paths, 60 minutes, 100 % of the answers right
	//   3. Leo      58 crumbs,  6 days in a row at best, 2 paths, 60 minutes, 75 % of the answers right
}
