FUZZTIME ?= 30s
N ?= 100
SEED ?= 1

.PHONY: help test race lint fmt bench fuzz mutate cover ci

help: ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*## /\t/' | expand -t 8

test: ## run the tests
	go test ./...
	go -C otel test ./...
	go -C examples/gocloudblob test ./...
	go -C tools test ./...

race: ## run the tests under the race detector
	go test -race ./...

lint: ## run the linters and check the format
	go tool -modfile=tools/go.mod golangci-lint run && go tool -modfile=tools/go.mod golangci-lint fmt --diff
	cd tools && go tool golangci-lint run

fmt: ## format the code
	go tool -modfile=tools/go.mod golangci-lint fmt

bench: ## compare the speed with baselines, as a table; SLOW, and for a machine that does nothing else
	go test -p 1 -run '^$$' -bench Ratio -benchtime 1x -timeout 2h ./... | awk -f internal/ratio/table.awk

fuzz: ## fuzz every parser for FUZZTIME (30s)
	@set -e; for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

mutate: ## change the mechanics in N (100) ways drawn by SEED (1), and show what no test notices; SLOW
	go -C tools run ./mutate -C .. -n $(N) -seed $(SEED)

cover: ## show how much of the code the tests run
	go test -coverprofile=cover.out -coverpkg=./... ./... && go tool cover -func=cover.out | tail -1

ci: ## run all that has to pass before a merge
	.ci/run
