package proof_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon"
	"github.com/guerdonhq/guerdon/internal/pgtest"
	"github.com/guerdonhq/guerdon/store/postgres"
)

// The script of a migration makes a database ready for an engine: nothing is left that takes more rights.
func TestMigrationOfAllTables(t *testing.T) {
	ctx, dsn := t.Context(), pgtest.DSN(t)
	st, err := postgres.Open(ctx, dsn, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	script, err := st.Migration(ctx, guerdon.Tables()...)
	require.NoError(t, err)
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.NoError(t, conn.Close(ctx))
	script, err = st.Migration(ctx, guerdon.Tables()...)
	require.NoError(t, err)
	require.Empty(t, script)
	_, err = guerdon.New(ctx, st, nil)
	require.NoError(t, err)
}
