package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who plays sees which boosts are on, in their language, and none that is for others.
func TestBoosts(t *testing.T) {
	eachGame(t, func(t *testing.T, g *game) {
		g.me.sees("/boosts", `{"items": []}`)
		_, err := g.ws.Import(t.Context(), []byte(`{"documents": [
			{"kind": "Boost", "id": "happy-hour", "name": "Happy hour", "rewardRulesPool": "ALL", "factor": 2, "stacking": "ADD", "virtualCurrencyId": "points",
				"timeframe": {"timeframeType": "RANGE", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-02-01T00:00:00Z", "timeframeEndsAt": "2026-12-01T00:00:00Z"},
				"defaultLang": "en", "translations": [{"lang": "en", "label": "Happy hour"}, {"lang": "it", "label": "Ora felice"}]},
			{"kind": "Boost", "id": "far", "name": "Far", "rewardRulesPool": "ALL", "factor": 1.5, "stacking": "MULTIPLY", "matchCondition": {">": [{"var": "value"}, 10]},
				"defaultLang": "en", "translations": [{"lang": "en", "label": "Far"}]},
			{"kind": "Boost", "id": "others", "name": "Others", "rewardRulesPool": "ALL", "factor": 9, "stacking": "ADD", "matchCondition": {"==": [{"var": "user.userId"}, "nobody"]},
				"defaultLang": "en", "translations": [{"lang": "en", "label": "Others"}]},
			{"kind": "Boost", "id": "over", "name": "Over", "rewardRulesPool": "ALL", "factor": 9, "stacking": "ADD",
				"timeframe": {"timeframeType": "RANGE", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC", "timeframeStartsAt": "2026-01-01T00:00:00Z", "timeframeEndsAt": "2026-02-01T00:00:00Z"},
				"defaultLang": "en", "translations": [{"lang": "en", "label": "Over"}]}
		]}`))
		require.NoError(t, err)
		g.italian().sees("/boosts?fields=translation", `{"items": [
			{"boostId": "far", "boostVersion": 1, "rewardRulesPool": "ALL", "factor": 1.5, "stacking": "MULTIPLY", "conditional": true,
				"name": "Far", "translation": {"lang": "en", "label": "Far"}},
			{"boostId": "happy-hour", "boostVersion": 1, "rewardRulesPool": "ALL", "virtualCurrencyId": "points", "factor": 2, "stacking": "ADD", "conditional": false,
				"endsAt": "2026-12-01T00:00:00.000Z", "name": "Happy hour", "translation": {"lang": "it", "label": "Ora felice"}}
		]}`)
	})
}
