package httpapi

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/tenancy"
)

type (
	holding struct {
		UserID string       `path:"userId"`
		Body   economy.Hold `body:"json"`
	}
	budgetsAsked struct {
		ID string `path:"rewardRuleId"`
	}
	capturing struct {
		ID   string `path:"virtualTransactionId"`
		Body struct {
			// Amount is how much of what is held is taken, and 0 is all. The rest is given back.
			Amount decimal.Decimal `json:"amount,omitzero"`
		} `body:"json"`
	}
	reviewing struct {
		Body struct {
			// TransactionIDs are 1 to 100. All are decided about, or none.
			TransactionIDs []string `json:"virtualTransactionIds"`
			// Reason is for who reads the history: at most 500 characters. It is kept for ever, so it should name nobody.
			Reason string `json:"reason,omitempty"`
		} `body:"json"`
	}
)

// dashboardBudgets are what has become of the budgets of rules.
func dashboardBudgets() []*operation {
	return []*operation{
		declare("GET", "/reward-rules/{rewardRuleId}/budgets", tenancy.AnalyticsRead, "Get what was paid of the budgets of a reward rule in the present periods, and what is left", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *budgetsAsked) (list[economy.BudgetState], error) {
			states, err := c.ws.Economy.Budgets(ctx, in.ID)
			return list[economy.BudgetState]{Items: states}, err
		}),
	}
}

// dashboardReviews are what is held of users' amounts, and the rewards that wait for somebody to look at them.
func dashboardReviews() []*operation {
	named := map[string]string{"virtualTransaction": "virtualTransactionId"}
	return []*operation{
		declare("POST", "/users/{userId}/holds", tenancy.ContentUpdate, "Hold an amount of a user until it is captured, voided, or its time is over", codes(201, 400, 401, 403, 404, 409), func(ctx context.Context, c *call, in *holding) (transactionRows, error) {
			if _, err := there(ctx, c.ws, in.UserID); err != nil {
				return transactionRows{}, err
			}
			made, err := c.ws.Economy.Hold(ctx, in.UserID, in.Body)
			return c.transactionRows([]economy.Transaction{made}), err
		}),
		declare("POST", "/virtual-transactions/{virtualTransactionId}/capture", tenancy.ContentUpdate, "Take what is held, or a part of it, and give back the rest", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *capturing) (transactionRows, error) {
			done, err := c.ws.Economy.Capture(ctx, in.ID, in.Body.Amount)
			return c.transactionRows([]economy.Transaction{done}), err
		}).naming(named),
		declare("GET", "/virtual-transactions/held-for-review", tenancy.AnalyticsRead, "List the rewards that wait for somebody to release or void them, the oldest first", codes(200, 400, 401), func(ctx context.Context, c *call, in *paged) (list[transactionRow], error) {
			found, next, err := c.ws.Economy.HeldForReview(ctx, in.page())
			return list[transactionRow]{c.transactionRows(found).Transactions, next}, err
		}),
		declare("POST", "/virtual-transactions/release", tenancy.ContentUpdate, "Let users have rewards that are held for review", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *reviewing) (transactionRows, error) {
			done, err := c.ws.Economy.Release(ctx, in.Body.TransactionIDs, in.Body.Reason)
			return c.transactionRows(done), err
		}).naming(named),
		declare("POST", "/virtual-transactions/void-all", tenancy.ContentUpdate, "End pending transactions", codes(200, 400, 401, 404, 409), func(ctx context.Context, c *call, in *reviewing) (transactionRows, error) {
			done, err := c.ws.Economy.VoidAll(ctx, in.Body.TransactionIDs, in.Body.Reason)
			return c.transactionRows(done), err
		}).naming(named),
	}
}
