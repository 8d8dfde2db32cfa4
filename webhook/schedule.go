package webhook

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"time"
)

// Tries is how often a message is sent until it is given up. The pauses between the tries grow from five seconds to twenty hours, and
// are about three days together.
const Tries = 10

// pauses are those before each try.
var pauses = [Tries]time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 20 * time.Hour,
}

// maxRetryAfter is how long a receiver may ask to be left alone.
const maxRetryAfter = 24 * time.Hour

// pause returns how long to wait behind a number of failed tries, less than [Tries]. It is up to a tenth shorter than the schedule says,
// by the message and the try: what has failed together does not come back together.
func pause(id string, failed int) time.Duration {
	full := pauses[failed]
	h := fnv.New32a()
	_, _ = h.Write([]byte(id + "/" + strconv.Itoa(failed))) // a hash takes everything
	const steps = 1000
	return full - full/10*time.Duration(h.Sum32()%steps)/steps
}

// retryAfter returns how long a receiver asks to be left alone, 0 if it does not: in seconds, or until a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	after := time.Duration(0)
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		after = time.Duration(max(0, min(seconds, int64(maxRetryAfter/time.Second)))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		after = date.Sub(now)
	}
	return max(0, min(after, maxRetryAfter))
}
