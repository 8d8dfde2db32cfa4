package memory_test

import (
	"testing"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/storetest"
)

func open(testing.TB) store.Store { return memory.New() }

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{Open: open})
}

func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, map[string]func(testing.TB) store.Store{"memory": open})
}
