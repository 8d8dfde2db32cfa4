# Makes a table of the ratios that benchmarks report with this package.
BEGIN { print "| ours : baseline | at least | median | rounds |\n|---|---|---|---|" }
/^BenchmarkRatio/ {
	name = $1
	sub(/^BenchmarkRatio[^\/]*\//, "", name)
	sub(/-[0-9]+$/, "", name)
	gsub(/_/, " ", name)
	split("", metric)
	for (i = 3; i < NF; i += 2) metric[$(i + 1)] = $i
	rounds = metric["x-low"] == "" ? "" : sprintf("%.2f–%.2f", metric["x-low"], metric["x-high"])
	printf "| %s | %g | %.2f | %s |\n", name, metric["x-wanted"], metric["x"], rounds
	fflush()
}
/^(--- FAIL|FAIL|panic)/ { print > "/dev/stderr"; failed = 1 }
END { exit failed }
