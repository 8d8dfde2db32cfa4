package httpapi

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

// Tables are what the package keeps beside the engine, for [guerdon.Options].Tables: answers for a day, the record of who was refused and what
// was changed, and API keys. They are part of a workspace's dumps and go with it when it is erased.
func Tables() []*store.Schema {
	return []*store.Schema{answers.Schema(), audits.Schema(), apiKeys.Schema(), apiKeyScopes.Schema()}
}

// keepAnswers is for how long the answer of a request that had a key is kept.
const keepAnswers = 24 * time.Hour

// sweepAtOnce is how many rows that are over a transaction removes which adds one: so they never become more.
const sweepAtOnce = 4

// An answer is what a request with a key was answered. What it says, which may name people, can only be read by who has the key.
type answer struct {
	// Key is a sum of the key, of what was asked for and by whom.
	Key string `json:"key"`
	// Asked is a sum of the body.
	Asked  string            `json:"asked"`
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Sealed []byte            `json:"sealed"`
	Until  time.Time         `json:"until"`
}

var answers = store.Define("httpapi_answers", func(a *answer) string { return a.Key },
	[]store.Field[answer]{{Name: "until", Kind: store.KindInt, Of: func(a *answer) store.Value { return store.Time(a.Until) }}},
	store.Index{Name: "until", Columns: []string{"until"}},
).Large()

// maxKey is how many characters a key has at most.
const maxKey = 255

// A once is the key of a request, as it is kept.
type once struct {
	*call

	row    string // under which the answer is kept
	asked  string // the sum of the body
	secret [sha256.Size]byte
}

// once returns the request's key, nil if it has none.
func (c *call) once(body []byte) (*once, error) {
	const field = "x-idempotency-key"
	key, other := c.r.Header.Get("X-Idempotency-Key"), c.r.Header.Get("Idempotency-Key")
	if s, err := strconv.Unquote(other); err == nil && strings.HasPrefix(other, `"`) {
		other = s
	}
	switch {
	case key == "":
		key = other
	case other != "" && other != key:
		return nil, fault.Invalid(field, "is another one than idempotency-key")
	}
	if key == "" {
		return nil, nil
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, fault.Invalid(field, "is not 1 to %d characters of ASCII that can be printed", maxKey)
	}
	c.w.Header().Set("X-Idempotency-Key", key)
	who := ""
	if c.user != nil && c.op.Context != Portal {
		who = c.user.ID
	}
	sum := func(use string) [sha256.Size]byte {
		h := sha256.New()
		for _, part := range []string{
			use, key, c.r.Method, c.r.URL.EscapedPath(), c.caller.Account, c.caller.Workspace, c.caller.UserID, c.caller.Principal, c.caller.Key, who,
		} {
			_, _ = io.WriteString(h, strconv.Itoa(len(part))+":"+part) // which never fails
		}
		return [sha256.Size]byte(h.Sum(nil))
	}
	o := &once{call: c, secret: sum("seal")}
	row := sum("row")
	o.row = hex.EncodeToString(row[:])
	h := hmac.New(sha256.New, o.secret[:])
	_, _ = io.WriteString(h, c.r.URL.RawQuery+"\n"+c.r.Header.Get("If-Match")+"\n") // which never fails
	_, _ = h.Write(body)
	o.asked = hex.EncodeToString(h.Sum(nil))
	return o, nil
}

// find returns what the request was answered before, nil if it was not. It returns a problem if another body came with the key.
func (o *once) find(ctx context.Context, tx store.Tx) (*reply, error) {
	kept, is, err := answers.Get(ctx, tx, o.row)
	if err != nil || !is || !o.engine.Now().Before(kept.Until) {
		return nil, err
	}
	if kept.Asked != o.asked {
		return nil, problem(http.StatusConflict, CodeConflict, "another request came with this idempotency key before")
	}
	seal, err := o.cipher()
	if err != nil {
		return nil, err
	}
	nonce := seal.NonceSize()
	if len(kept.Sealed) < nonce {
		return nil, &store.DamagedError{Table: answers.Schema().Name, Key: o.row, Err: io.ErrUnexpectedEOF}
	}
	body, err := seal.Open(nil, kept.Sealed[:nonce], kept.Sealed[nonce:], nil)
	if err != nil {
		return nil, &store.DamagedError{Table: answers.Schema().Name, Key: o.row, Err: err}
	}
	again := &reply{status: kept.Status, header: map[string]string{"X-Idempotency-Cache-Hit": "true"}, body: body}
	maps.Copy(again.header, kept.Header)
	return again, nil
}

// keep keeps an answer, and removes some that are over.
func (o *once) keep(ctx context.Context, tx store.Tx, a *reply) error {
	seal, err := o.cipher()
	if err != nil {
		return err
	}
	nonce := make([]byte, seal.NonceSize())
	if _, err := io.ReadFull(o.engine.Random(), nonce); err != nil {
		return err
	}
	now := o.engine.Now()
	if err := sweep(ctx, tx, answers, store.Query{Index: "until", Until: store.Time(now.Add(time.Microsecond))}); err != nil {
		return err
	}
	return answers.Put(ctx, tx, answer{
		Key: o.row, Asked: o.asked, Status: a.status, Header: a.header, Sealed: seal.Seal(nonce, nonce, a.body, nil), Until: now.Add(keepAnswers),
	})
}

func (o *once) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(o.secret[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sweep removes the first few of rows that are over.
func sweep[T any](ctx context.Context, tx store.Tx, table *store.Table[T], over store.Query) error {
	found, err := table.List(ctx, tx, over.First(sweepAtOnce))
	if err != nil {
		return err
	}
	keys := make([]string, len(found))
	for i := range found {
		keys[i] = table.Row(found[i]).Key
	}
	return table.Delete(ctx, tx, keys...)
}

// effect does what a call is to change, unless it was done before under the call's key, and returns the answer. Effect, record and answer
// are one transaction. Where the operation refuses, nothing of it remains, and the answer is kept behind it.
func (c *call) effect(ctx context.Context, in any, body []byte) (*reply, error) {
	key, err := c.once(body)
	if err != nil {
		return nil, err
	}
	if key == nil && !c.recorded() {
		out, err := c.op.serve(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return c.answer(out), nil
	}
	var answer *reply
	find := func(ctx context.Context, tx store.Tx) (err error) {
		if answer = nil; key != nil {
			answer, err = key.find(ctx, tx)
		}
		return err
	}
	keep := func(ctx context.Context, tx store.Tx, out any) error {
		answer = c.answer(out)
		if err := c.noteDone(ctx, tx, answer); err != nil || key == nil {
			return err
		}
		again := answer
		if less, is := out.(interface{ kept() any }); is {
			again = c.answer(less.kept())
		}
		return key.keep(ctx, tx, again)
	}
	if c.op.apart {
		err = c.effectApart(ctx, in, find, keep, &answer)
	} else {
		err = c.transaction(ctx, func(ctx context.Context, tx store.Tx) error {
			c.status, c.change = 0, change{}
			if err := find(ctx, tx); err != nil || answer != nil {
				return err
			}
			out, err := c.op.serve(ctx, c, in)
			if err == nil {
				err = keep(ctx, tx, out)
			}
			return err
		})
	}
	if err != nil && key != nil {
		return c.keepRefusal(ctx, key, err)
	}
	return answer, err
}

// effectApart is effect of an operation that makes transactions of its own.
func (c *call) effectApart(
	ctx context.Context, in any, find func(context.Context, store.Tx) error, keep func(context.Context, store.Tx, any) error, answer **reply,
) error {
	if err := c.transaction(ctx, find); err != nil || *answer != nil {
		return err
	}
	out, err := c.op.serve(ctx, c, in)
	if err != nil {
		return err
	}
	return c.transaction(context.WithoutCancel(ctx), func(ctx context.Context, tx store.Tx) error { return keep(ctx, tx, out) })
}

// keepRefusal keeps the answer of an operation that has refused, and returns it. What somebody may not do, or not now, or what went wrong
// here, is judged anew when it comes again.
func (c *call) keepRefusal(ctx context.Context, key *once, refused error) (*reply, error) {
	p := c.op.problemOf(refused)
	if p.Status >= http.StatusInternalServerError || p.Status == http.StatusForbidden || p.Status == http.StatusTooManyRequests {
		return nil, refused
	}
	var answer *reply
	err := c.transaction(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		if answer, err = key.find(ctx, tx); err != nil || answer != nil {
			return err
		}
		answer = c.refusal(p)
		return key.keep(ctx, tx, answer)
	})
	if err != nil {
		return nil, refused
	}
	return answer, nil
}

// transaction runs fn in a transaction in which the call's operation may work too: of its workspace or, in the Portal, of the account.
func (c *call) transaction(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	if c.op.platform {
		return c.engine.UpdatePlatform(ctx, func(ctx context.Context, tx store.Tx, platform tenancy.Platform) error {
			before := c.platform
			c.platform = platform
			defer func() { c.platform = before }()
			return fn(ctx, tx.In(store.Scope{Account: c.caller.Account}))
		})
	}
	outer := c.ws
	defer func() { c.ws = outer }()
	return outer.UpdateTables(ctx, func(ctx context.Context, tx store.Tx, ws *guerdon.Workspace) error {
		c.ws = ws
		return fn(ctx, tx)
	})
}
