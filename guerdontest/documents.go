package guerdontest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/badges"
	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/leaderboard"
	"github.com/guerdonhq/guerdon/learning"
	"github.com/guerdonhq/guerdon/levels"
	"github.com/guerdonhq/guerdon/missions"
	"github.com/guerdonhq/guerdon/streaks"
	"github.com/guerdonhq/guerdon/timeframe"
)

// Doing picks the events of one activity.
func Doing(activityID string) event.Matcher {
	return event.Matcher{Type: event.MatchInstance, Entity: string(event.Activity), EntityID: activityID}
}

// Completing picks the events that say that a mission of a configuration was completed.
func Completing(configurationID string) event.Matcher {
	return event.Matcher{Type: event.MatchInstance, Entity: string(event.Mission), EntityID: configurationID}
}

// header and labels are what every document has, in English. What is for people to read is the id.
func header(id string) content.Header { return content.Header{ID: id, DefaultLang: "en"} }

func labels(id string) content.Labels {
	return content.Labels{Translations: []content.Label{{Lang: "en", Label: id}}}
}

func descriptions() content.Descriptions {
	return content.Descriptions{Translations: []content.Description{{Lang: "en"}}}
}

// Activity returns an activity.
func Activity(id string) *content.Activity {
	return &content.Activity{Header: header(id), Labels: labels(id), Name: id}
}

// Tag returns the tag of a namespace whose variant is its id, such as the "red" of the namespace "team".
func Tag(namespace, id string) *content.Tag {
	return &content.Tag{Header: header(id), Labels: labels(id), Namespace: namespace, Variant: id}
}

// Quiz returns a quiz with two options, of which the first is right.
func Quiz(id string) *content.Quiz {
	q := &content.Quiz{Header: header(id), Difficulty: content.Easy, CorrectAnswer: content.Option1, Placement: content.Standalone}
	q.Translations = []content.Question{{Lang: "en", Question: id, Opt1: "right", Opt2: "wrong"}}
	return q
}

// Slide returns a slide.
func Slide(id string) *content.Slide {
	s := &content.Slide{Header: header(id)}
	s.Translations = []content.SlideText{{Lang: "en", Title: id, Content: page(id)}}
	return s
}

// Story returns a story of one page.
func Story(id string) *content.Story {
	s := &content.Story{Header: header(id)}
	s.Translations = []content.StoryText{{Lang: "en", Title: id, Image: "https://example.org/story.png", Slides: []content.Page{page(id)}}}
	return s
}

func page(text string) content.Page {
	return content.Page{Contents: []content.Block{{Type: content.BlockSlide, Text: text}}}
}

// Path returns a path of five minutes that holds activities, quizzes, slides, stories and groups.
func Path(id string, parts ...content.Document) *learning.Path {
	p := &learning.Path{Header: header(id), Title: id, EstimatedDuration: new(decimal.NewFromInt(5))}
	p.Translations, p.Items = titles(id), items(parts)
	return p
}

// Group returns a group that holds activities, quizzes, slides, stories and groups.
func Group(id string, parts ...content.Document) *learning.Group {
	g := &learning.Group{Header: header(id), Title: id}
	g.Translations, g.Items = titles(id), items(parts)
	return g
}

// PathRule returns a rule that gives every user the paths, open and for ever, when the user's paths are asked
// for.
func PathRule(id string, paths ...*learning.Path) *learning.Rule {
	r := &learning.Rule{Header: header(id), Descriptions: descriptions(), Timeframe: frame(""), Name: id, RuleType: learning.Assign, AssignmentMode: learning.Lazy}
	for _, p := range paths {
		r.LearningPathsPool = append(r.LearningPathsPool, p.ID)
	}
	return r
}

func titles(title string) []learning.Title { return []learning.Title{{Lang: "en", Title: title}} }

// items returns documents as what a path holds. One that no path can hold is refused when the path is published.
func items(docs []content.Document) []learning.Item {
	all := make([]learning.Item, len(docs))
	for i, doc := range docs {
		all[i].ItemID = doc.Head().ID
		switch doc.(type) {
		case *content.Activity:
			all[i].ItemType = learning.ItemActivity
		case *content.Quiz:
			all[i].ItemType = learning.ItemQuiz
		case *content.Slide:
			all[i].ItemType = learning.ItemSlide
		case *content.Story:
			all[i].ItemType = learning.ItemStory
		case *learning.Group:
			all[i].ItemType = learning.ItemGroup
		}
	}
	return all
}

// Currency returns a currency of which users may have any amount that is not less than 0.
func Currency(id string) *economy.Currency {
	return &economy.Currency{Header: header(id), Labels: labels(id), Name: id}
}

// LapsingCurrency returns a currency like [Currency] of which what is credited lapses at the end of the day that is so many days later.
func LapsingCurrency(id string, days int) *economy.Currency {
	c := Currency(id)
	c.Life = &economy.Life{Type: economy.LifeAfter, Count: days, Per: timeframe.ByDay}
	return c
}

// RewardRule returns a rule that always pays for an event, at once. amount is an expression: "1.5", or
// `{"*": [{"var": "event.value"}, 2]}`.
func RewardRule(id string, on event.Matcher, currencyID, amount string) *economy.RewardRule {
	return &economy.RewardRule{
		Header: header(id), Descriptions: descriptions(), Name: id,
		RuleType: on.Type, MatchEntity: on.Entity, MatchEntityID: on.EntityID,
		ApplicationMode: economy.Always,
		Rewards:         []economy.Reward{{CurrencyID: currencyID, RedemptionMode: economy.Auto, Expression: json.RawMessage(amount)}},
	}
}

// ReviewedRule returns a rule that pays for an event once somebody has released it, if a condition holds, otherwise at once. The condition may read recent.lately: how many of the
// events happened to the user within the last so many minutes.
func ReviewedRule(id string, on event.Matcher, currencyID, amount string, minutes int, condition string) *economy.RewardRule {
	r := RewardRule(id, on, currencyID, amount)
	r.Counts = []economy.Count{{Name: "lately", Minutes: minutes}}
	r.Rewards[0].ReviewCondition = json.RawMessage(condition)
	return r
}

// Boost returns a boost that multiplies what all rules pay, for all, without an end. It adds what it adds to that of other boosts.
func Boost(id, factor string) *economy.Boost {
	return &economy.Boost{
		Header: header(id), Labels: labels(id), Name: id,
		RewardRules: content.All(), Factor: decimal.RequireFromString(factor), Stacking: economy.StackAdd,
	}
}

// Badge returns a badge.
func Badge(id string) *badges.Configuration {
	return &badges.Configuration{Header: header(id), Labels: labels(id), Name: id, Image: "https://example.org/badge.png"}
}

// AwardRule returns a rule that awards a badge for an event, each time.
func AwardRule(id string, on event.Matcher, badgeID string) *economy.RewardRule {
	r := RewardRule(id, on, "", "")
	r.Rewards = []economy.Reward{{Type: economy.BadgeReward, BadgeID: badgeID}}
	return r
}

// TagRule returns a rule that gives a tag for an event, for good.
func TagRule(id string, on event.Matcher, tagID string) *economy.RewardRule {
	r := RewardRule(id, on, "", "")
	r.Rewards = []economy.Reward{{Type: economy.TagReward, TagID: tagID}}
	return r
}

// StepRule returns a rule that brings users to a step of a ladder for an event.
func StepRule(id string, on event.Matcher, ladderID, stepID string) *economy.RewardRule {
	r := RewardRule(id, on, "", "")
	r.Rewards = []economy.Reward{{Type: economy.StepReward, LadderID: ladderID, StepID: stepID}}
	return r
}

// Changing picks the events that say that a user has been created or changed: each of them, unless the rule reads "change" or the tags that were gained
// or lost. Of rules that read "change" it also picks those of a user's first deed and anniversaries.
func Changing() event.Matcher {
	return event.Matcher{Type: event.MatchEntity, Entity: string(event.User)}
}

// GreetingRule returns a rule that pays for a change of a user: [tenancy.Joined], [tenancy.TagsChanged], [tenancy.FirstSeen] or [tenancy.Anniversary].
func GreetingRule(id, change, currencyID, amount string) *economy.RewardRule {
	r := RewardRule(id, Changing(), currencyID, amount)
	r.MatchCondition = json.RawMessage(fmt.Sprintf(`{"==": [{"var": "change"}, %q]}`, change))
	return r
}

// MissionConfiguration returns what missions count for single users: events, each as 1, until there are
// as many as target, an expression such as "3".
func MissionConfiguration(id string, counts event.Matcher, target string) *missions.Configuration {
	return &missions.Configuration{
		Header: header(id), Labels: labels(id), Name: id, MissionType: missions.Individual, Goal: goal(counts, target),
	}
}

func goal(counts event.Matcher, target string) missions.Goal {
	return missions.Goal{
		MatchType: counts.Type, MatchEntity: counts.Entity, MatchEntityID: counts.EntityID, TargetAmountExpression: json.RawMessage(target),
	}
}

// Goal returns one of several goals of a mission: events, each as 1, until there are as many as target.
func Goal(id string, counts event.Matcher, target string) missions.NamedGoal {
	return missions.NamedGoal{ID: id, Name: id, Goal: goal(counts, target)}
}

// GoalsConfiguration returns missions of several goals for single users, of which as many are needed as needed says: 1 is any, 0 is all.
func GoalsConfiguration(id string, needed int, goals ...missions.NamedGoal) *missions.Configuration {
	return &missions.Configuration{
		Header: header(id), Labels: labels(id), Name: id, MissionType: missions.Individual, Goals: goals, GoalsNeeded: needed,
	}
}

// MissionRule returns a rule that assigns a mission of the configuration by the first event that the
// mission counts, one of several goals when the user's missions are asked for: once for ever if the recurrence is "", otherwise once in each period on the
// user's clock.
func MissionRule(id string, c *missions.Configuration, recurrence timeframe.Recurrence) *missions.Rule {
	r := &missions.Rule{
		Header: header(id), Descriptions: descriptions(), Timeframe: frame(recurrence), Name: id,
		MissionType: c.MissionType, MissionConfigurationsPool: []string{c.ID}, AssignmentMode: missions.OnEvent,
		EventMatchType: c.MatchType, EventMatchEntity: c.MatchEntity, EventMatchEntityID: c.MatchEntityID,
	}
	if len(c.Goals) > 0 {
		r.AssignmentMode = missions.Lazy
	}
	return r
}

// StreakConfiguration returns what a streak counts: days with such an event.
func StreakConfiguration(id string, counts event.Matcher) *streaks.Configuration {
	return &streaks.Configuration{
		Header: header(id), Labels: labels(id), Name: id,
		MatchType: counts.Type, MatchEntity: counts.Entity, MatchEntityID: counts.EntityID,
	}
}

// StreakRule returns a rule that gives every user a streak of the configuration, by days on the user's
// clock, which breaks on the first day that is missed.
func StreakRule(id string, c *streaks.Configuration) *streaks.Rule {
	return &streaks.Rule{
		Header: header(id), Timeframe: frame(""), Name: id, StreakConfigurationID: c.ID,
		Texts:   content.Texts[streaks.Text]{Translations: []streaks.Text{{Lang: "en", Name: id}}},
		Cadence: streaks.Daily, Metric: streaks.Days, FreezeEnabled: new(false),
	}
}

// BoardConfiguration returns how boards rank users: by what they were ever credited of a currency.
func BoardConfiguration(id, currencyID string) *leaderboard.Configuration {
	where := fmt.Sprintf(`{"and": [{"==": [{"var": "virtualCurrencyId"}, %q]}, {"==": [{"var": "direction"}, "CREDIT"]}]}`, currencyID)
	return &leaderboard.Configuration{
		Header: header(id), Labels: labels(id), Name: id,
		Query: leaderboard.Query{
			Source: leaderboard.VirtualTransactions, Where: json.RawMessage(where),
			Score: leaderboard.Score{Function: leaderboard.Sum, Of: json.RawMessage(`{"var": "amount"}`)},
		},
	}
}

// Board returns a board of the configuration: one for ever if the recurrence is "", otherwise one anew
// in each period in UTC.
func Board(id string, c *leaderboard.Configuration, recurrence timeframe.Recurrence) *leaderboard.Board {
	b := &leaderboard.Board{Header: content.Header{ID: id}, ConfigurationID: c.ID, Timeframe: frame(recurrence)}
	b.TimezoneType, b.Timezone = timeframe.Fixed, "UTC"
	return b
}

// frame returns a timeframe on the user's clock, from long before any World begins.
func frame(recurrence timeframe.Recurrence) timeframe.Timeframe {
	f := timeframe.Timeframe{
		Type: timeframe.Permanent, TimezoneType: timeframe.User,
		StartsAt: time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
	if recurrence != "" {
		f.Type, f.Recurrence = timeframe.Recurring, recurrence
	}
	return f
}

// Ladder returns a ladder of steps, of which nobody falls: of [Step] each. An example of a measure is {Type: levels.Earned, CurrencyID: "points"}.
func Ladder(id string, of levels.Measure, steps ...levels.Step) *levels.Ladder {
	return &levels.Ladder{
		Header: header(id), Name: id, Measure: of, Steps: steps,
		Texts: content.Texts[levels.Text]{Translations: []levels.Text{{Lang: "en", Name: id}}},
	}
}

// Step returns a step of a ladder that begins at a threshold, a number of at most six places. One that is none is refused when the ladder
// is published.
func Step(id, threshold string) levels.Step {
	n, err := decimal.NewFromString(threshold)
	if err != nil {
		n = decimal.Decimal{}
	}
	return levels.Step{ID: id, Threshold: n, Name: id}
}

// Reaching picks the events that say that a user has come to another step of a ladder: up, unless the rule reads the direction.
func Reaching(ladderID string) event.Matcher {
	return event.Matcher{Type: event.MatchInstance, Entity: string(event.Level), EntityID: ladderID}
}
