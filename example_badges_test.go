package guerdon_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/tenancy"
)

// What can a user show for it? A badge is a document, and a reward rule awards it: here for each week of three runs. How far a user is who does not
// have it yet, the mission says. A badge by hand needs a reason, and is secret until somebody has it, if it says so.
func Example_badges() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
  {"kind": "BadgeConfiguration", "id": "runner", "name": "Runner", "image": "https://example.org/runner.png",
   "progressSourceEntityType": "MissionConfiguration", "progressSourceEntityId": "three",
   "defaultLang": "en", "translations": [{"lang": "en", "label": "Runner", "description": "Three runs in a week"}]},
  {"kind": "BadgeConfiguration", "id": "helper", "name": "Helper", "image": "https://example.org/helper.png", "isSecret": true,
   "defaultLang": "en", "translations": [{"lang": "en", "label": "A good soul"}]},
  {"kind": "RewardRule", "id": "runner", "name": "Runner", "ruleType": "INSTANCE", "matchEntity": "Mission", "matchEntityId": "three", "applicationMode": "ALWAYS",
   "rewards": [{"rewardType": "BADGE", "badgeConfigurationId": "runner"}],
   "defaultLang": "en", "translations": [{"lang": "en"}]}
]}`))
	check(err)
	show := func() {
		list, err := ws.Badges.List(ctx, "ada", badges.Query{})
		check(err)
		for _, b := range list {
			switch {
			case b.Progress != nil && b.Count == 0:
				fmt.Printf("%s: %s of %s\n", b.Label, b.Progress.Done, b.Progress.Needed)
			default:
				fmt.Printf("%s: %d times\n", b.Label, b.Count)
			}
		}
	}
	run := func() {
		now = now.Add(time.Hour)
		_, err := ws.Record(ctx, event.Event{UserID: "ada", EntityID: "run"})
		check(err)
	}
	run()
	run()
	show()
	run()
	_, err = ws.Badges.Award(ctx, badges.NewAward{UserID: "ada", ConfigurationID: "helper", Reason: "She waited for the slowest."})
	check(err)
	show()
	// Output:
	// Runner: 2 of 3
	// Runner: 1 times
	// A good soul: 1 times
}

// How does a user prove elsewhere what they were awarded? An award is given as a credential of Open Badges 3.0, signed by the host's key, which a wallet keeps
// and everybody can verify who finds the public key. How users are known outside is the host's decision.
func Example_credentials() {
	ctx, now := context.Background(), monday
	ws := play(ctx, &now, "ada")
	_, err := ws.Import(ctx, []byte(`{"documents": [
  {"kind": "BadgeConfiguration", "id": "helper", "name": "Helper", "image": "https://example.org/helper.png",
   "defaultLang": "en", "translations": [{"lang": "en", "label": "A good soul", "description": "Waits for the slowest."}]}
]}`))
	check(err)
	award, err := ws.Badges.Award(ctx, badges.NewAward{ID: "a1", UserID: "ada", ConfigurationID: "helper", Reason: "She waited for Bob."})
	check(err)

	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // of an example: yours is where nobody sees it
	issuer := badges.Issuer{
		ID: "https://example.org", Name: "The Club", Key: key, KeyID: "https://example.org/keys#1", Achievements: "https://example.org/badges/",
		Subject: func(_ context.Context, u tenancy.User) (string, error) {
			return "https://example.org/people/" + u.ID, nil
		},
	}
	jws, err := ws.Badges.Credential(ctx, "ada", "helper", award.ID, issuer)
	check(err)

	parts := strings.Split(jws, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	check(err)
	fmt.Println("verified:", ed25519.Verify(key.Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), signature))
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	check(err)
	var says struct{ Name, Sub, ValidFrom string }
	check(json.Unmarshal(payload, &says))
	fmt.Println(says.Sub, "is", says.Name, "since", says.ValidFrom)
	// Output:
	// verified: true
	// https://example.org/people/ada is A good soul since 2025-09-29T09:00:00Z
}
