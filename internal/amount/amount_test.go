package amount_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
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

// A result that is an amount is that amount whatever its size; one that may have been rounded is refused.
func TestFromFloatNeverRounds(t *testing.T) {
	for f, want := range map[float64]string{
		5000000000000.1: "5000000000000.1", 9e12: "9000000000000", -0.000001: "-0.000001", math.Copysign(0, -1): "0",
		1000000000.000001: "", 1.2000000000000002: "1.2", 2.9999999999999996: "3", 123456789.123456: "123456789.123456",
		1e9 / 3: "", 2e10 / 3: "", 1e13 / 3: "", 1000000.00000001: "", 9300000000000: "", 1e16 / 3: "",
	} {
		d, err := amount.FromFloat("", f)
		if want == "" {
			require.ErrorIs(t, err, fault.ErrInvalid, "%v gave %v", f, d)
			continue
		}
		require.NoError(t, err, "%v", f)
		require.Equal(t, want, d.String())
	}
}

// A number goes through JSON and back to the digit, as one value whatever its text.
func TestNumbersAreKeptToTheDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.StringMatching(`-?[1-9][0-9]{0,30}`).Draw(t, "digits")
		text := c + "e" + strconv.Itoa(rapid.IntRange(-60, 60).Draw(t, "exponent"))
		d, err := amount.Read(text)
		require.NoError(t, err)
		v := amount.JSON(d)
		b, err := json.Marshal(v)
		require.NoError(t, err)
		back, err := amount.Read(string(b))
		require.NoError(t, err)
		require.True(t, d.Equal(back), "%s became %s", text, b)
		require.Equal(t, v, amount.JSON(d.Add(decimal.New(0, -40))), "with zeros behind")

		f, holds := amount.Float(d)
		require.InDelta(t, d.InexactFloat64(), f, 0)
		require.Equal(t, v == any(f), holds)
		if holds && amount.Check("", d) == nil {
			same, err := amount.FromFloat("", f)
			require.NoError(t, err)
			require.True(t, d.Equal(same))
		}
	})
}

func TestEveryFloatIsHeldOrAnAmount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		d, err := amount.Read(strconv.FormatFloat(f, 'g', -1, 64))
		require.NoError(t, err)
		got, holds := amount.Float(d)
		require.InDelta(t, f, got, 0)
		require.True(t, holds || amount.Check("", d) == nil)
	})
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"1e400", "1e-400", "-1e999999999999", "1e-2000000000", "x", "", strings.Repeat("1", 300) + strings.Repeat("0", 300)} {
		_, err := amount.Read(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
		require.Less(t, len(err.Error()), 120)
	}
	for _, v := range []any{json.Number("1e400"), []any{json.Number("1e400")}, map[string]any{"a": json.Number("1e400")}} {
		_, err := amount.Plain(v)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}

func TestPlain(t *testing.T) {
	got, err := amount.Plain(map[string]any{
		"id": json.Number("9007199254740993"), "n": json.Number("1.50"), "zero": json.Number("-0"), "f": math.Copysign(0, -1),
		"list": []any{json.Number("6666666666.666667"), "x", nil, true},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"id": json.Number("9007199254740993"), "n": 1.5, "zero": 0.0, "f": 0.0,
		"list": []any{json.Number("6666666666.666667"), "x", nil, true},
	}, got)
	require.False(t, math.Signbit(got.(map[string]any)["f"].(float64)))
}

// A message is short and made at once, whatever number it shows.
func TestShow(t *testing.T) {
	for _, tt := range []struct {
		digits   int64
		exponent int32
		want     string
	}{
		{0, 0, "0"},
		{0, 3_000_000, "0"},
		{-150, -2, "-1.5"},
		{1, 20, "100000000000000000000"},
		{1, -6, "0.000001"},
		{-1, 3_000_000, "a number of about 3000001 digits"},
		{1, math.MaxInt32, "a number of about 2147483648 digits"},
		{1, -3_000_000, "a number with 3000000 decimal places"},
	} {
		require.Equal(t, tt.want, amount.Show(decimal.New(tt.digits, tt.exponent)))
	}
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.NewFromBigInt(new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "n")), rapid.UintRange(0, 3000).Draw(t, "shift")),
			rapid.Int32().Draw(t, "exponent"))
		require.Less(t, len(amount.Show(d)), 130)
	})
}
