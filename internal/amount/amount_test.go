package amount_test

import (
	"math"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/internal/amount"
)

func TestMicros(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1_000_000, "0.000001": 1, "-0.1": -100_000, "1.500000000": 1_500_000, "1e3": 1_000_000_000,
		"9223372036854.775807": math.MaxInt64, "-9223372036854.775808": math.MinInt64,
	} {
		n, err := amount.Micros("value", decimal.RequireFromString(text))
		require.NoError(t, err, text)
		require.Equal(t, want, n, text)
	}
}

func TestMicrosNeitherRoundsNorWraps(t *testing.T) {
	for _, text := range []string{"0.0000001", "1.0000005", "9223372036854.775808", "1e30", "-1e30", "1e9000", "1e-9000"} {
		_, err := amount.Micros("value", decimal.RequireFromString(text))
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		require.ErrorContains(t, err, "value: ")
	}
}

func TestFromFloatTakesTheShortestDecimal(t *testing.T) {
	d, err := amount.FromFloat("", 0.1)
	require.NoError(t, err)
	require.Equal(t, "0.1", d.String())
	for _, f := range []float64{0.7, 1.1, 3, 12, 29, 33.3, 1e6 + 0.7, 9e11} {
		d, err := amount.FromFloat("", f*0.1)
		require.NoError(t, err)
		require.True(t, decimal.NewFromFloat(f).Shift(-1).Equal(d), "%v", f)
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30, 1e-7, 10.0 / 3, 0.1234567, 1000.0000001} {
		_, err := amount.FromFloat("", f)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}

func TestMicrosRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "micros")
		back, err := amount.Micros("", amount.FromMicros(n))
		require.NoError(t, err)
		require.Equal(t, n, back)
	})
}
