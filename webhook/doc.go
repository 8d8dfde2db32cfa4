// Package webhook tells other services of what happens in a workspace: it posts a signed message to each address that a customer has
// registered, and tries again for three days.
//
//	eng, err := guerdon.New(ctx, st, &guerdon.Options{Tables: webhook.Tables()})
//	hooks, err := webhook.New(eng, nil)
//	go hooks.Run(ctx) // in as many processes as you like
//	endpoint, secret, err := hooks.Endpoints(ws).Create(ctx, webhook.NewEndpoint{URL: "https://…"})
//
// # What is sent
//
// A [Message] is JSON; [Types] are what it may tell of, and [Schema] is the JSON Schema of each. It holds the ids of users and documents and
// nothing that identifies a person. An endpoint is sent the version of the payloads that it was made for ([NewEndpoint].APIVersion), whatever
// versions come later. It is signed as Standard Webhooks says (the headers [HeaderID], [HeaderTimestamp] and
// [HeaderSignature]); a receiver in Go calls [Verify], and others use one of that project's libraries.
//
// # What is promised
//
// Every change gives rise to one message for each endpoint that wants it, in the transaction in which the journal is followed: none
// is missing and none is twice. A message arrives at least once and always under one id, also if a process dies while it sends, so
// a receiver that keeps the ids sees it exactly once. Retries send the same bytes.
//
// Of one user at one endpoint, the next message is sent when the one before it has been delivered or given up, so messages about a user
// arrive in the order of the journal; others do not wait. A message whose receiver answers anything but 2xx is sent [Tries] times, with pauses
// that grow from seconds to twenty hours, and then it is given up ([Dead]). A receiver that answers 410 pauses its endpoint; one that
// says Retry-After is left alone until then. An endpoint at which nothing arrives for three days, or as long as [Options].PauseAfter says, is
// paused too, and the engine's observer is told ([PausedError]): what waits is sent when it is resumed, and what was given up when it is replayed.
//
// # What is not
//
// A message tells what was so when it was recorded. What becomes known late is told by messages of its own, such as "mission.undone".
// The secrets are in the store as they are, since they sign, and so in dumps. An endpoint that comes into another workspace with a dump
// sends nothing until it is resumed; one that comes into a workspace of the same name elsewhere does. No proxy of the machine is used, because
// that would dial whatever it is asked to.
package webhook
