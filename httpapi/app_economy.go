package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/guerdonhq/guerdon/content"
	"github.com/guerdonhq/guerdon/economy"
	"github.com/guerdonhq/guerdon/event"
	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/tenancy"
)

type (
	appCurrency    economy.Currency
	appTransaction economy.Transaction
)

// A balanceRow is what the user has of a currency.
type balanceRow struct {
	economy.Balance
	// VirtualCurrency is the currency, if it is in use.
	VirtualCurrency *appCurrency   `json:"virtualCurrency,omitempty"`
	Translation     *content.Label `json:"translation,omitempty"`
}

type (
	transactionsMade struct {
		Transactions []appTransaction `json:"transactions"`
	}
	transactionsRedeemed struct {
		Transactions []redeemedRow `json:"transactions"`
	}
	redeemedRow struct {
		Transaction appTransaction `wire:"inline"`
		envelope
	}
	balanceAsked struct {
		translatedID
		asOf
	}
	lapsingAsked struct {
		ID string `path:"virtualCurrencyId"`
		paging
	}
	transfers struct {
		Body struct {
			Transactions []transfer `json:"transactions"`
		} `body:"json"`
	}
	transfer struct {
		CurrencyID        string                 `json:"virtualCurrencyId"`
		RedemptionMode    economy.RedemptionMode `json:"redemptionMode"`
		Amount            decimal.Decimal        `json:"amount"`
		DestinationUserID string                 `json:"destinationUserId"`
		GroupID           string                 `json:"virtualTransactionGroupId,omitempty"`
		ExpiresAt         time.Time              `json:"expiresAt,omitzero"`
		AdditionalData    event.Data             `json:"additionalData,omitempty"`
	}
)

// appEconomy declares balances and transactions.
func appEconomy(f *forms) []*operation {
	called[appCurrency](f, "VirtualCurrency")
	called[appTransaction](f, "VirtualTransaction")
	shapeFor[appCurrency](f, "virtualCurrencyId", "catalogVirtualCurrencyId")
	hide[appTransaction](f, "ruleVersion", "counterpartTransactionId", "at", "releasedBy")
	own := map[string]string{"virtualTransaction": "virtualTransactionId"}
	return []*operation{
		declare("GET", "/virtual-balances", tenancy.ContentRead, "List one's balances", codes(200, 401), listBalances),
		declare("GET", "/virtual-balances/{virtualCurrencyId}", tenancy.ContentRead, "Get one of one's balances", codes(200, 400, 401, 404), getBalance).naming(map[string]string{"virtualCurrency": "virtualCurrencyId"}),
		declare("GET", "/virtual-balances/{virtualCurrencyId}/lapsing", tenancy.ContentRead, "List what of one's balance lapses, and when", codes(200, 400, 401, 404), func(ctx context.Context, c *call, in *lapsingAsked) (list[economy.Lapse], error) {
			return c.lapsing(ctx, c.user.ID, in.ID, &in.paging)
		}).naming(map[string]string{"virtualCurrency": "virtualCurrencyId"}),
		declare("GET", "/virtual-transactions", tenancy.ContentRead, "List one's transactions", codes(200, 401), listTransactions),
		declare("POST", "/virtual-transactions", tenancy.ContentSubmit, "Give to others of what one has", codes(201, 400, 401, 409), transferTo).naming(map[string]string{
			"transactions[].user": "destinationUserId", "transactions[].virtualCurrency": "virtualCurrencyId",
		}),
		declare("GET", "/virtual-transactions/{virtualTransactionId}", tenancy.ContentRead, "Get one of one's transactions", codes(200, 401, 404), getTransaction).naming(own),
		declare("POST", "/virtual-transactions/{virtualTransactionId}/redeem", tenancy.ContentSubmit, "Redeem what is pending", codes(200, 400, 401, 404), redeem).naming(own),
		declare("POST", "/virtual-transactions/{virtualTransactionId}/void", tenancy.ContentSubmit, "Take back what one has sent, and nobody has redeemed", codes(200, 400, 401, 404, 409), withdraw).naming(own),
	}
}

func listBalances(ctx context.Context, c *call, in *translatedPage) (out list[balanceRow], err error) {
	all, err := c.ws.Economy.Balances(ctx, c.user.ID)
	if err != nil {
		return out, err
	}
	page, err := sliced(all, func(b *economy.Balance) string { return b.CurrencyID }, &in.paging)
	if err != nil {
		return out, err
	}
	rows, err := c.balanceRows(ctx, page.Items, in.Fields)
	return list[balanceRow]{rows, page.NextToken}, err
}

func (c *call) balanceRows(ctx context.Context, balances []economy.Balance, fields []string) ([]balanceRow, error) {
	ids := make([]string, len(balances))
	for i := range balances {
		ids[i] = balances[i].CurrencyID
	}
	docs, err := c.ws.Economy.Currencies.Live(ctx, ids...)
	if err != nil {
		return nil, err
	}
	rows := make([]balanceRow, len(balances))
	for i := range balances {
		rows[i].Balance = balances[i]
		doc, there := docs[ids[i]]
		if !there {
			continue
		}
		rows[i].VirtualCurrency = new(appCurrency(doc))
		if slices.Contains(fields, "translation") {
			if rows[i].Translation, err = picked(c.lang(), doc.Translations, doc.DefaultLang); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

func getBalance(ctx context.Context, c *call, in *balanceAsked) (balanceRow, error) {
	b, err := then(&in.asOf, func() (economy.Balance, error) { return c.ws.Economy.Balance(ctx, c.user.ID, in.ID) },
		func(at time.Time) (economy.Balance, error) { return c.ws.Economy.BalanceAt(ctx, c.user.ID, in.ID, at) })
	if err != nil {
		return balanceRow{}, err
	}
	rows, err := c.balanceRows(ctx, []economy.Balance{b}, in.Fields)
	if err != nil {
		return balanceRow{}, err
	}
	return rows[0], nil
}

// lapsing returns what a user has of a currency that lapses, by moments.
func (c *call) lapsing(ctx context.Context, userID, currencyID string, p *paging) (out list[economy.Lapse], err error) {
	all, err := c.ws.Economy.Lapsing(ctx, userID, currencyID)
	if err != nil {
		return out, err
	}
	return sliced(all, func(l *economy.Lapse) string { return store.KeyTime(l.LapsesAt) }, p)
}

func listTransactions(ctx context.Context, c *call, in *paged) (list[appTransaction], error) {
	found, next, err := c.ws.Economy.History(ctx, c.user.ID, in.page())
	return list[appTransaction]{shownTransactions(found), next}, err
}

func shownTransactions(all []economy.Transaction) []appTransaction {
	shown := make([]appTransaction, len(all))
	for i := range all {
		shown[i] = appTransaction(all[i])
	}
	return shown
}

func (t *transfer) grant() economy.Grant {
	return economy.Grant{
		GroupID: t.GroupID, CurrencyID: t.CurrencyID, Amount: t.Amount, RedemptionMode: t.RedemptionMode, DestinationUserID: t.DestinationUserID,
		ExpiresAt: t.ExpiresAt, AdditionalData: t.AdditionalData,
	}
}

func transferTo(ctx context.Context, c *call, in *transfers) (transactionsMade, error) {
	grants := make([]economy.Grant, len(in.Body.Transactions))
	for i := range grants {
		grants[i] = in.Body.Transactions[i].grant()
	}
	made, err := c.ws.Economy.Transfer(ctx, c.user.ID, grants)
	return transactionsMade{shownTransactions(made)}, err
}

func getTransaction(ctx context.Context, c *call, in *onlyID) (appTransaction, error) {
	t, err := c.ws.Economy.Transaction(ctx, in.ID)
	if err == nil && t.UserID != c.user.ID {
		err = fault.NotFound("virtualTransactionId", in.ID)
	}
	return appTransaction(t), err
}

func redeem(ctx context.Context, c *call, in *onlyID) (out transactionsRedeemed, err error) {
	done, err := c.ws.Economy.Redeem(ctx, c.user.ID, in.ID)
	for _, t := range done {
		out.Transactions = append(out.Transactions, redeemedRow{appTransaction(t), c.envelope()})
	}
	return out, err
}

func withdraw(ctx context.Context, c *call, in *voiding) (transactionsMade, error) {
	done, err := c.ws.Economy.Withdraw(ctx, c.user.ID, in.ID, in.Body.Reason)
	return transactionsMade{shownTransactions(done)}, err
}
