package timeframe

import (
	"time"

	"github.com/guerdonhq/guerdon/fault"
)

// MaxGrace is the longest time of grace: 90 days.
const MaxGrace = 90 * 24 * time.Hour

const fieldGrace = "graceMinutes"

// CheckGrace refuses a time of grace, in minutes, that is negative or longer than [MaxGrace], and any where nothing ever ends. None, nil,
// is allowed. Each is a [fault.ErrInvalid] that names graceMinutes.
func (f Timeframe) CheckGrace(minutes *int) error {
	switch longest := int(MaxGrace / time.Minute); {
	case minutes == nil:
		return nil
	case *minutes < 0 || *minutes > longest:
		return fault.Invalid(fieldGrace, "is %d; allowed are 0 to %d", *minutes, longest)
	case f.Type == Permanent:
		return fault.Invalid(fieldGrace, "is not allowed when %s is %s, because it never ends", fieldType, Permanent)
	}
	return nil
}

// GraceEndsAt returns when so many minutes of grace are over, nil for none, of a period that ends; zero for one that never does.
func (p Period) GraceEndsAt(minutes *int) time.Time {
	if p.EndsAt.IsZero() || minutes == nil {
		return p.EndsAt
	}
	return p.EndsAt.Add(time.Duration(*minutes) * time.Minute)
}
