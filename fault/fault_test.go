package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
)

func TestEachConstructorWrapsItsSentinel(t *testing.T) {
	for want, err := range map[error]error{
		fault.ErrInvalid:   fault.Invalid("amount", "is %d", 3),
		fault.ErrNotFound:  fault.NotFound("user", "ada"),
		fault.ErrExists:    fault.Exists("id", "taken"),
		fault.ErrConflict:  fault.Conflict("state", "ended"),
		fault.ErrForbidden: fault.Forbidden("user", "suspended"),
	} {
		require.ErrorIs(t, err, want)
		e, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.NotEmpty(t, e.Field)
		require.NotEmpty(t, e.Reason)
	}
}

func TestInPutsTheFieldUnderItsParent(t *testing.T) {
	for want, err := range map[string]error{
		"rewards[0].amount: is 3": fault.Invalid("amount", "is 3"),
		"rewards[0]: is 3":        fault.Invalid("", "is 3"),
		"rewards[0][1]: is 3":     fault.Invalid("[1]", "is 3"),
		"rewards[0]/and/1: is 3":  fault.Invalid("/and/1", "is 3"),
	} {
		require.EqualError(t, fault.In("rewards[0]", err), want)
	}
}

func TestInReachesEveryJoinedFaultAndLeavesOtherErrors(t *testing.T) {
	err := fault.In("rule", errors.Join(fault.Invalid("a", "x"), fault.NotFound("b", "y")))
	require.EqualError(t, err, "rule.a: x\nrule.b: \"y\" not found")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.Equal(t, io.EOF, fault.In("rule", io.EOF))
	require.NoError(t, fault.In("rule", nil))
}

func ExampleError() {
	err := fmt.Errorf("importing: %w", fault.Invalid("targetAmountExpression", "is always 0; it must be more than 0"))
	if e, ok := errors.AsType[*fault.Error](err); ok && errors.Is(err, fault.ErrInvalid) {
		fmt.Println(e.Field, "–", e.Reason)
	}
	// Output: targetAmountExpression – is always 0; it must be more than 0
}
