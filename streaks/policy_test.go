package streaks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/streaks"
)

// missed returns why runs of ann were not saved, in their order.
func (w *world) missed() (why []streaks.Refusal) {
	for _, c := range w.told {
		if c.Kind == streaks.Missed {
			why = append(why, c.NotFrozen)
		}
	}
	return why
}

// A policy bounds what is frozen, and who catches up pays what the clock would have taken, served every day.
func TestFreezePolicy(t *testing.T) {
	t.Parallel()
	inARow := func(n int) func(*streaks.Rule) { return func(r *streaks.Rule) { r.FreezeMaxInARow = n } }
	perMonth := func(n int) func(*streaks.Rule) { return func(r *streaks.Rule) { r.FreezeMaxPerMonth = n } }
	byUser := func(r *streaks.Rule) { r.FreezeConsent = streaks.ByUser }
	every7 := weekly(streaks.Weeks)
	every7.ID = "daily"
	for _, tt := range []struct {
		name   string
		rule   streaks.Rule
		policy func(*streaks.Rule)
		said   map[string]bool
		acts   []string
		kept   []string // the periods that are paid for in the end
		missed []streaks.Refusal
	}{
		{"as many in a row as may be", daily(), inARow(2), nil, []string{"2025-09-01", "2025-09-04"}, []string{"2025-09-02", "2025-09-03"}, nil},
		{"one more", daily(), inARow(2), nil, []string{"2025-09-01", "2025-09-05"}, nil, []streaks.Refusal{streaks.RefusedInARow}},
		{
			"another row", daily(), inARow(1), nil,
			[]string{"2025-09-01", "2025-09-03", "2025-09-05"},
			[]string{"2025-09-02", "2025-09-04"},
			nil,
		},
		{
			"as many of a month as may be", daily(), perMonth(2), nil,
			[]string{"2025-09-01", "2025-09-03", "2025-09-05", "2025-09-07"},
			[]string{"2025-09-02", "2025-09-04"},
			[]streaks.Refusal{streaks.RefusedPerMonth},
		},
		{
			"another month", daily(), perMonth(1), nil,
			[]string{"2025-09-27", "2025-09-29", "2025-09-30", "2025-10-02", "2025-10-04"},
			[]string{"2025-09-28", "2025-10-01"},
			[]streaks.Refusal{streaks.RefusedPerMonth},
		},
		{
			"what is given back is not of the month's", daily(), perMonth(2), nil,
			[]string{"2025-09-01", "2025-09-05", "2025-09-08"},
			[]string{"2025-09-06", "2025-09-07"},
			[]streaks.Refusal{streaks.RefusedPerMonth},
		},
		{
			"a week is of the month in which it begins", every7, perMonth(1), nil,
			[]string{"2025-09-25", "2025-10-06", "2025-10-20"},
			[]string{"2025-09-29", "2025-10-13"},
			nil,
		},
		{"nobody has agreed", daily(), byUser, nil, []string{"2025-09-01", "2025-09-03"}, nil, []streaks.Refusal{streaks.RefusedByConsent}},
		{
			"the user has agreed", daily(), byUser,
			map[string]bool{"2025-09-02T23:59:00Z": true},
			[]string{"2025-09-01", "2025-09-03"},
			[]string{"2025-09-02"},
			nil,
		},
		{
			"the user agrees when the day is over", daily(), byUser,
			map[string]bool{"2025-09-03T00:00:00Z": true},
			[]string{"2025-09-01", "2025-09-03", "2025-09-05"},
			[]string{"2025-09-04"},
			[]streaks.Refusal{streaks.RefusedByConsent},
		},
		{
			"the user agrees no longer", daily(), byUser,
			map[string]bool{"2025-09-01T00:00:00Z": true, "2025-09-04T12:00:00Z": false},
			[]string{"2025-09-01", "2025-09-03", "2025-09-05"},
			[]string{"2025-09-02"},
			[]streaks.Refusal{streaks.RefusedByConsent},
		},
		{
			"the user disagrees in the middle of a gap", daily(), byUser,
			map[string]bool{"2025-09-01T00:00:00Z": true, "2025-09-03T12:00:00Z": false},
			[]string{"2025-09-01", "2025-09-05"},
			nil,
			[]streaks.Refusal{streaks.RefusedByConsent},
		},
		{
			"a no goes also where nobody is asked", daily(), nil,
			map[string]bool{"2025-09-01T00:00:00Z": false},
			[]string{"2025-09-01", "2025-09-03"},
			nil,
			[]streaks.Refusal{streaks.RefusedByConsent},
		},
		{"no money", daily(), nil, nil, []string{"2025-09-01", "2025-09-30"}, nil, []streaks.Refusal{streaks.RefusedByWallet}},
		{
			"no price", daily(), func(r *streaks.Rule) { r.FreezeCostExpression = []byte(`{"-": [{"var": "streak.frozen"}, 1]}`) }, nil,
			[]string{"2025-09-01", "2025-09-03"},
			nil,
			[]streaks.Refusal{streaks.RefusedByCost},
		},
		{
			"nothing is frozen", daily(), func(r *streaks.Rule) { r.FreezeEnabled = new(false) }, nil,
			[]string{"2025-09-01", "2025-09-03"},
			nil,
			[]streaks.Refusal{""},
		},
	} {
		for _, served := range []bool{false, true} {
			name := tt.name + " and the clock is served never"
			if served {
				name = tt.name + " and the clock is served every hour"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				rule := freezing(tt.rule)
				if tt.policy != nil {
					tt.policy(&rule)
				}
				money := filled(map[string]int64{"ann": 9})
				w := newWorld(t)
				w.wallet = money
				w.publish(rule)
				w.user("ann", "")
				acts := map[time.Time]bool{}
				for _, at := range noons(tt.acts...) {
					acts[at] = true
				}
				for at, end := utc("2025-09-01T00:00:00Z"), noons(tt.acts[len(tt.acts)-1])[0]; !at.After(end); at = at.Add(time.Minute) {
					if said, says := tt.said[at.Format(time.RFC3339)]; says {
						w.now = at
						_, err := w.service.SetFreezeConsent(w.ctx, "ann", "daily", said)
						require.NoError(t, err)
					}
					if served && at.Truncate(time.Hour).Equal(at) {
						w.now = at
						w.advance(1)
					}
					if acts[at] {
						w.act("ann", at)
					}
				}
				require.Equal(t, tt.kept, periodsOf(money.kept))
				require.EqualValues(t, 9-len(tt.kept), money.holds["ann"])
				require.Equal(t, tt.missed, w.missed())
			})
		}
	}
}

// A run that broke can be saved as long as it has not been judged and the policy lets all that was missed be frozen.
func TestWhatAPolicyForbidsIsNotSavable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		policy func(*streaks.Rule)
		agreed bool
		now    string
		want   bool
	}{
		{"no policy", func(*streaks.Rule) {}, false, "2025-09-03T12:00:00Z", true},
		{"as many in a row as may be", func(r *streaks.Rule) { r.FreezeMaxInARow = 2 }, false, "2025-09-04T12:00:00Z", true},
		{"too many in a row", func(r *streaks.Rule) { r.FreezeMaxInARow = 2 }, false, "2025-09-05T12:00:00Z", false},
		{"as many of a month as may be", func(r *streaks.Rule) { r.FreezeMaxPerMonth = 2 }, false, "2025-09-04T12:00:00Z", true},
		{"too many of a month", func(r *streaks.Rule) { r.FreezeMaxPerMonth = 2 }, false, "2025-09-05T12:00:00Z", false},
		{"without consent", func(r *streaks.Rule) { r.FreezeConsent = streaks.ByUser }, false, "2025-09-03T12:00:00Z", false},
		{"with consent", func(r *streaks.Rule) { r.FreezeConsent = streaks.ByUser }, true, "2025-09-03T12:00:00Z", true},
		{"more than can ever be", func(*streaks.Rule) {}, false, "2027-09-03T12:00:00Z", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rule := freezing(daily())
			tt.policy(&rule)
			w := newWorld(t)
			w.publish(rule)
			w.user("ann", "")
			w.act("ann", noons("2025-09-01")...)
			if tt.agreed {
				w.now = utc("2025-09-01T13:00:00Z")
				_, err := w.service.SetFreezeConsent(w.ctx, "ann", "daily", true)
				require.NoError(t, err)
			}
			w.now = utc(tt.now)
			standing := w.current("ann", "daily")
			require.Equal(t, streaks.Broken, standing.Status)
			require.Equal(t, tt.want, standing.Savable)
		})
	}
}

func TestFreezeConsents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(freezing(daily()), freezing(weekly(streaks.Weeks)))
	w.user("ann", "")
	w.user("bob", "")
	say := func(user, rule string, agreed bool, at string) streaks.FreezeConsent {
		w.now = utc(at)
		said, err := w.service.SetFreezeConsent(w.ctx, user, rule, agreed)
		require.NoError(t, err)
		return said
	}
	consents := func(user string) []streaks.FreezeConsent {
		all, err := w.service.FreezeConsents(w.ctx, user)
		require.NoError(t, err)
		return all
	}
	require.Empty(t, consents("ann"))
	weekly := say("ann", "weekly", true, "2025-09-01T00:00:00Z")
	require.Equal(t, streaks.FreezeConsent{UserID: "ann", RuleID: "weekly", Agreed: true, UpdatedAt: w.now}, weekly)
	require.Equal(t, weekly, say("ann", "weekly", true, "2025-09-02T00:00:00Z"), "the same again changes nothing")
	say("ann", "daily", true, "2025-09-02T00:00:00Z")
	daily := say("ann", "daily", false, "2025-09-03T00:00:00Z")
	require.Equal(t, []streaks.FreezeConsent{daily, weekly}, consents("ann"))
	require.Empty(t, consents("bob"))
	back := say("ann", "daily", true, "2025-09-02T12:00:00Z")
	require.Equal(t, daily.UpdatedAt, back.UpdatedAt, "a clock that has gone back changes nothing of what was said")
	require.True(t, consents("ann")[0].Agreed)

	_, err := w.service.SetFreezeConsent(w.ctx, "ann", "monthly", true)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.service.SetFreezeConsent(w.ctx, "eve", "daily", true)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.service.SetFreezeConsent(w.ctx, "ann", "", true)
	requireField(t, err, "streakRuleId")
	_, err = w.service.FreezeConsents(w.ctx, "eve")
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.users.Suspend(w.ctx, "ann")
	require.NoError(t, err)
	_, err = w.service.SetFreezeConsent(w.ctx, "ann", "daily", true)
	require.ErrorIs(t, err, fault.ErrForbidden)
}
