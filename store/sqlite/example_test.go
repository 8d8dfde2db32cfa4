package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/sqlite"
)

// A host's row and guerdon's record are committed together.
func ExampleStore_Join() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "guerdon")
	must(err)
	defer func() { must(os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "shop.db")

	s, err := sqlite.Open(ctx, path, nil)
	must(err)
	must(s.Prepare(ctx, things.Schema()))
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	must(err)
	_, err = db.ExecContext(ctx, "create table orders (id text primary key)")
	must(err)

	tx, err := db.BeginTx(ctx, nil)
	must(err)
	_, err = tx.ExecContext(ctx, "insert into orders (id) values ('order-1')")
	must(err)
	err = s.Join(tx).Update(ctx, scope, func(tx store.Tx) error {
		return things.Insert(ctx, tx, thing{ID: "reward-1", N: 10})
	})
	must(err)
	must(tx.Commit())

	var orders, rewards int
	row := db.QueryRowContext(ctx, "select (select count(*) from orders), (select count(*) from guerdon_things)")
	must(row.Scan(&orders, &rewards))
	fmt.Println(orders, rewards)
	must(s.Close())
	must(db.Close())
	// Output: 1 1
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
