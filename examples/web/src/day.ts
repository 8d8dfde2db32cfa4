// A learner's day: what a member of the demonstration's club does and sees, by a client whose types are made of the API's document. It ends
// with an error as soon as something is not as it should be.
//
//	go run ./cmd/guerdon serve -demo                              prints where it is, and the member's token
//	GUERDON_URL=http://127.0.0.1:8080 GUERDON_TOKEN=… npm run day
import { randomUUID } from "node:crypto";

import type { components } from "./app.js";
import { app } from "./clients.js";

type Schemas = components["schemas"];

const api = app(given("GUERDON_URL"), given("GUERDON_TOKEN"));

// What the member has learnt. In between, people forget.
const known: Record<string, Schemas["SubmitQuizRequest"]["answer"]> = { rest: "opt2" };

function given(name: string): string {
	const value = process.env[name];
	if (!value) {
		console.error(`${name} is not set`);
		process.exit(1);
	}
	return value;
}

function expect(holds: boolean, what: string): asserts holds {
	if (!holds) {
		throw new Error(`not as expected: ${what}`);
	}
}

// What a client gets for a request: an answer, or a problem.
type Answer<T> = { data?: T; error?: Schemas["Problem"]; response: Response };

function ok<T>({ data, error, response }: Answer<T>): T {
	expect(error === undefined, `${response.url} answers ${error?.status} ${error?.code}: ${error?.message}`);
	expect(data !== undefined, `${response.url} answers nothing`);
	return data;
}

function refused<T>({ error, response }: Answer<T>): Schemas["Problem"] {
	expect(error !== undefined, `${response.url} refuses`);
	expect(error.status === response.status, `the problem's status is that of the answer`);
	return error;
}

const say = (line: string) => console.log(line);
const points = async () => ok(await api.GET("/virtual-balances/{virtualCurrencyId}", { params: { path: { virtualCurrencyId: "points" } } })).amount;
const missions = async () => ok(await api.GET("/missions", { params: { query: { fields: ["translation"] } } })).items;
const myRank = async () =>
	ok(await api.GET("/runtime-leaderboards/{runtimeLeaderboardId}/rankings/me", { params: { path: { runtimeLeaderboardId: "all-time" } } }));

// What was done before is done again today, in a context of today: a quiz can be answered once in each.
const context = `day-${randomUUID()}`;

async function read(slideId: string): Promise<void> {
	const path = { slideId };
	const slide = ok(await api.GET("/slides/{slideId}", { params: { path, query: { context, fields: ["translation", "progress"] } } }));
	expect(slide.progress?.status === "NOT_STARTED", `${slideId} is not read yet today`);
	expect(slide.translation !== undefined, `${slideId} has a text`);
	const text = slide.translation.content.contents.map((block) => block.text ?? "").join(" ");
	say(`  I read "${slide.translation.title}": ${text}`);
	for (const progress of ["START", "COMPLETE"] as const) {
		const log = ok(await api.POST("/slides/{slideId}/submit", { params: { path }, body: { progress, context } }));
		expect(log.progress === progress && (log.completedAt !== undefined) === (progress === "COMPLETE"), `${slideId} has come to ${progress}`);
	}
}

// Tells whether the answer was right.
async function answer(quizId: string): Promise<boolean> {
	const params = { path: { quizId }, query: { context, fields: ["translation", "progress"] as ("translation" | "progress")[] } };
	const quiz = ok(await api.GET("/quizzes/{quizId}", { params }));
	expect(quiz.translation !== undefined, `${quizId} has a text`);
	expect(quiz.progress?.status === "NOT_STARTED" && quiz.progress.correctAnswer === undefined, `the right answer of ${quizId} is not told before`);
	const mine = known[quizId] ?? "opt2";
	const log = ok(await api.POST("/quizzes/{quizId}/submit", { params: { path: { quizId } }, body: { answer: mine, context } }));
	const progress = ok(await api.GET("/quizzes/{quizId}", { params })).progress;
	expect(progress?.status === "COMPLETED" && progress.correctAnswer !== undefined, `the right answer of ${quizId} is told after`);
	const right = progress.correctAnswer === mine;
	expect(log.outcome === (right ? "SUCCESS" : "FAIL"), `the outcome of ${quizId} is ${log.outcome}`);
	say(`  I am asked "${quiz.translation.question}", and say "${quiz.translation[mine]}": ${right ? "right" : "wrong"}. ${progress.explanation ?? ""}`);

	const other = mine === "opt1" ? "opt2" : "opt1";
	const late = refused(await api.POST("/quizzes/{quizId}/submit", { params: { path: { quizId } }, body: { answer: other, context } }));
	expect(late.code === "business/invalid_operation" && late.details[0]?.field === "answer", `I cannot change my answer: ${late.code}`);
	return right;
}

async function learn(): Promise<void> {
	const paths = ok(await api.GET("/learning-path-assignments", { params: { query: { fields: ["translation", "progress"] } } })).items;
	expect(paths.length > 0, "I have a path");
	const before = await points();
	let right = 0;
	for (const path of paths) {
		const done = path.progress?.progress;
		say(`My path "${path.translation?.title ?? path.title}" is ${path.state}: ${done?.completed} of ${done?.total} done. I go through it again.`);
		const params = { path: { learningPathAssignmentId: path.learningPathAssignmentId } };
		for (const item of ok(await api.GET("/learning-path-assignments/{learningPathAssignmentId}/items", { params })).items) {
			switch (item.itemType) {
				case "slide":
					await read(item.itemId);
					break;
				case "quiz":
					right += (await answer(item.itemId)) ? 1 : 0;
					break;
				default:
					say(`  There is the ${item.itemType} ${item.itemId} too, for another day.`);
			}
		}
	}
	const now = await points();
	expect(right > 0 && now === before + 5 * right, `five points for each right answer: ${right} of them, and ${now} points after ${before}`);
	say(`  That makes ${now - before} points, for ${right} right.`);
}

async function move(): Promise<void> {
	const [before, weekly, rank] = [await points(), week(await missions()), await myRank()];
	const run = { activityId: "run", value: 45, additionalData: { place: "outdoors" } };
	const header = { "x-idempotency-key": randomUUID() };
	const first = await api.POST("/activity-logs", { params: { header }, body: run });
	const log = ok(first);
	expect(log.activityId === "run" && log.value === 45, "the run is logged");
	const earned = (await points()) - before;

	// The line broke off, or so it seemed: the same request comes again.
	const again = await api.POST("/activity-logs", { params: { header }, body: run });
	expect(JSON.stringify(ok(again)) === JSON.stringify(log), "the same answer");
	expect(again.response.headers.get("x-idempotency-cache-hit") === "true" && !first.response.headers.has("x-idempotency-cache-hit"), "it says so");
	expect((await points()) === before + earned, "the run counts once");
	const clash = refused(await api.POST("/activity-logs", { params: { header }, body: { ...run, value: 46 } }));
	expect(clash.status === 409 && clash.code === "resource/conflict", `a key is for one request: ${clash.code}`);

	const paid = ok(await api.GET("/virtual-transactions", { params: { query: { limit: 50 } } })).items;
	const mine = paid.filter((t) => t.virtualTransactionGroupId === log.activityLogId && t.virtualCurrencyId === "points");
	expect(mine.some((t) => t.amount === 4 && t.direction === "CREDIT"), "a point for ten minutes");
	say(`I run for ${log.value} minutes, which are ${earned} points: ${mine.map((t) => `${t.amount} by ${t.initiator}`).join(", ")}, and what missions pay.`);

	const now = week(await missions());
	expect(now !== undefined && now.currentAmount > 0, "the run counts for the mission of the week");
	const moved = now.currentAmount - (weekly?.missionId === now.missionId ? weekly.currentAmount : 0);
	expect(moved === (weekly?.missionId === now.missionId && weekly.isCompleted ? 0 : 1), `it moves by one until it is completed: ${moved}`);
	const place = await myRank();
	expect(place.score !== null && place.score === (rank.score ?? 0) + earned, `the board counts what I earned: ${place.score} after ${rank.score}`);
}

const week = (all: Schemas["MissionRow"][]) => all.find((m) => m.missionConfigurationId === "three-a-week");

async function look(): Promise<void> {
	say("My missions:");
	for (const m of await missions()) {
		expect((m.isCompleted ?? false) === m.currentAmount >= m.targetAmount, `${m.missionId} is completed once it has reached its target`);
		const until = m.endsAt === undefined ? "for ever" : `until ${m.endsAt.slice(0, 10)}`;
		say(`  ${m.translation?.label}: ${m.currentAmount} of ${m.targetAmount}, ${until}${m.isCompleted ? ", completed" : ""}`);
	}
	const streaks = ok(await api.GET("/streaks", { params: { query: { periodType: "ITERATION", fields: ["translation"] } } })).items;
	const running = streaks.find((s) => s.status === "ACTIVE");
	expect(running !== undefined && running.count > 0, "a streak is running");
	say(`My streak: ${running.count} ${running.metric.toLowerCase()}, "${running.streakConfiguration?.name}"`);
	for (const b of ok(await api.GET("/virtual-balances")).items) {
		expect(b.availableAmount <= b.amount, "what can be spent is part of what I have");
		say(`My balance: ${b.amount} ${b.virtualCurrency?.name ?? b.virtualCurrencyId}, of which I can spend ${b.availableAmount}`);
	}
	const path = { runtimeLeaderboardId: "all-time" };
	const board = ok(await api.GET("/runtime-leaderboards/{runtimeLeaderboardId}/rankings", { params: { path, query: { limit: 3 } } }));
	const around = ok(await api.GET("/runtime-leaderboards/{runtimeLeaderboardId}/rankings/around", { params: { path, query: { size: 3 } } }));
	const mine = await myRank();
	expect(board.items[0]?.rank === 1 && board.items.length === 3, "the best three");
	expect(board.currentEntityRank?.rank === mine.rank && mine.totalParticipants === board.totalCount, "my place is the same wherever it is told");
	expect(around.items.some((row) => row.rank === mine.rank), "I am among those around me");
	const row = (r: Schemas["RankRow"]) => `  ${r.rank}. ${r.primaryEntityName ?? r.entityId}, ${r.score}`;
	say(`"${board.leaderboard.name}":\n${board.items.map(row).join("\n")}\n  …\n${around.items.map(row).join("\n")}\n  of ${board.totalCount}`);
}

async function stumble(): Promise<void> {
	const problem = refused(await api.POST("/activity-logs", { body: { activityId: "teleport" } }));
	expect(problem.status === 400 && problem.code === "resource/not_found", `it is a problem with a code: ${problem.code}`);
	const [fault] = problem.details;
	expect(fault?.field === "activityId", "which names the field at fault");
	say(`I log "teleport", which the club does not have. The answer is ${problem.status} ${problem.code}: ${fault.field} ${fault.message}.`);
}

async function day(): Promise<void> {
	const me = ok(await api.GET("/users/me"));
	say(`I am ${me.nickname}, in ${me.timezone}.`);
	await learn();
	await move();
	await look();
	await stumble();
	say("That was the day, and all was as expected.");
}

day().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
