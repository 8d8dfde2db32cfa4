package webhook_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/webhook"
)

// The example that the specification of Standard Webhooks and its libraries have in common.
const (
	sharedSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	sharedID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	sharedBody      = `{"test": 2432232314}`
	sharedSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var sharedAt = time.Unix(1614265330, 0)

func TestSignsAsOthersDo(t *testing.T) {
	t.Parallel()
	h, err := webhook.Sign(sharedID, sharedAt, []byte(sharedBody), sharedSecret)
	require.NoError(t, err)
	require.Equal(t, sharedID, h.Get("Webhook-Id"))
	require.Equal(t, "1614265330", h.Get("Webhook-Timestamp"))
	require.Equal(t, sharedSignature, h.Get("Webhook-Signature"))
	require.NoError(t, webhook.Verify(sharedSecret, h, []byte(sharedBody), sharedAt))
}

func secretOf(b []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(b) }

// What is signed with any of the secrets is right for who knows it, within the tolerance and as it was, and for nobody else.
func TestSignatureGoesRound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secrets := rapid.SliceOfNDistinct(rapid.SliceOfN(rapid.Byte(), webhook.MinSecret, webhook.MaxSecret), 2, 3, secretOf).Draw(t, "secrets")
		id := rapid.StringMatching(`msg_[A-Za-z0-9_-]{1,30}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		at := time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "at"), 0)
		off := time.Duration(rapid.Int64Range(-600, 600).Draw(t, "off")) * time.Second
		last := secretOf(secrets[len(secrets)-1])
		var signing []string
		for _, s := range secrets[:len(secrets)-1] {
			signing = append(signing, secretOf(s))
		}
		h, err := webhook.Sign(id, at, body, signing...)
		require.NoError(t, err)
		for _, s := range signing {
			err := webhook.Verify(s, h, body, at.Add(off))
			if off.Abs() > webhook.Tolerance {
				require.ErrorIs(t, err, fault.ErrInvalid)
			} else {
				require.NoError(t, err)
			}
		}
		require.ErrorIs(t, webhook.Verify(last, h, body, at), webhook.ErrSignature)
		require.ErrorIs(t, webhook.Verify(signing[0], h, append(body, 'x'), at), webhook.ErrSignature)
		h.Set(webhook.HeaderID, id+"x")
		require.ErrorIs(t, webhook.Verify(signing[0], h, body, at), webhook.ErrSignature)
	})
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		secret, header, value string
		off                   time.Duration
		field                 string
	}{
		"no secret":            {secret: "none", field: "secret"},
		"short secret":         {secret: secretOf(make([]byte, 23)), field: "secret"},
		"long secret":          {secret: secretOf(make([]byte, 65)), field: "secret"},
		"lines in the secret":  {secret: sharedSecret + "\n", field: "secret"},
		"no base64":            {secret: "whsec_!", field: "secret"},
		"no id":                {header: webhook.HeaderID, field: webhook.HeaderID},
		"no timestamp":         {header: webhook.HeaderTimestamp, field: webhook.HeaderTimestamp},
		"words as timestamp":   {header: webhook.HeaderTimestamp, value: "today", field: webhook.HeaderTimestamp},
		"a sign":               {header: webhook.HeaderTimestamp, value: "+1614265330", field: webhook.HeaderTimestamp},
		"before all":           {header: webhook.HeaderTimestamp, value: "-1", field: webhook.HeaderTimestamp},
		"behind all":           {header: webhook.HeaderTimestamp, value: "9223372036854775807", field: webhook.HeaderTimestamp},
		"old":                  {off: webhook.Tolerance + time.Second, field: webhook.HeaderTimestamp},
		"ahead":                {off: -webhook.Tolerance - time.Second, field: webhook.HeaderTimestamp},
		"no signature":         {header: webhook.HeaderSignature, field: webhook.HeaderSignature},
		"an endless signature": {header: webhook.HeaderSignature, value: strings.Repeat("v1,", 2000), field: webhook.HeaderSignature},
		"another scheme":       {header: webhook.HeaderSignature, value: strings.Replace(sharedSignature, "v1", "v2", 1)},
		"another signature":    {header: webhook.HeaderSignature, value: "v1,aaaa v1,,, v1 ,"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := webhook.Sign(sharedID, sharedAt, []byte(sharedBody), sharedSecret)
			require.NoError(t, err)
			if tt.header != "" {
				h.Set(tt.header, tt.value)
			}
			secret := sharedSecret
			if tt.secret != "" {
				secret = tt.secret
			}
			err = webhook.Verify(secret, h, []byte(sharedBody), sharedAt.Add(tt.off))
			if tt.field == "" {
				require.ErrorIs(t, err, webhook.ErrSignature)
				return
			}
			requireField(t, err, fault.ErrInvalid, tt.field)
			require.NotContains(t, err.Error(), secret)
		})
	}
	_, err := webhook.Sign(sharedID, sharedAt, nil, "whsec_")
	requireField(t, err, fault.ErrInvalid, "secret")
}

func FuzzVerify(f *testing.F) {
	f.Add(sharedID, "1614265330", sharedSignature, sharedBody)
	f.Add("", "", "v1,,v1", "")
	f.Add("a.b", "01614265330", "v1a,AA== v1,\x00", "{}")
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body string) {
		h := http.Header{}
		h.Set(webhook.HeaderID, id)
		h.Set(webhook.HeaderTimestamp, timestamp)
		h.Set(webhook.HeaderSignature, signature)
		if webhook.Verify(sharedSecret, h, []byte(body), sharedAt) != nil {
			return
		}
		right, err := webhook.Sign(id, sharedAt, []byte(body), sharedSecret)
		require.NoError(t, err)
		if timestamp == right.Get(webhook.HeaderTimestamp) {
			require.Contains(t, signature, right.Get(webhook.HeaderSignature))
		}
	})
}
