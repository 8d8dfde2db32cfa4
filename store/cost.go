package store

// A Cost is what a transaction has cost, as far as its store can tell.
type Cost struct {
	// Trips is how often the function went to the database, and Statements how many statements it sent there; both are 0 where
	// the rows are in the process. What was read on a trip for others who waited counts for the one who went.
	Trips, Statements int
	// RowsRead is how many rows came from where they are kept: once each, where the store remembers them for the rest of the
	// transaction. RowsWritten is how many rows the function added, replaced and removed, each as often as it did.
	RowsRead, RowsWritten int
	// Commit is the commit that the transaction shared. It is zero where that is the host's.
	Commit Commit
}

// A Commit is what made one or several transactions durable.
type Commit struct {
	// Callers is how many transactions were committed at once, at least 1.
	Callers int
	// Statements is how many statements it took, and Rows how many rows they wrote and removed.
	Statements, Rows int
	// Counts tells whether the commit is to be counted with this transaction: of those that share a commit and are metered,
	// exactly one says so.
	Counts bool
}

// Metered is implemented by a [Tx] that can tell what its transaction costs.
type Metered interface {
	Tx
	// Meter lets the Update that runs the function say in cost what it has cost, once it has been committed. Until Update returns,
	// cost is the store's. If the function is run again, it has to call Meter again; of several calls, the last counts. Nothing
	// is counted where nobody calls it.
	Meter(cost *Cost)
}
