// What the types have to allow, and what they have to refuse, which is an error of the compiler if they do not. Nothing of it runs.
import { app, dashboard, portal } from "./clients.js";

export async function neverCalled(): Promise<void> {
	const play = app("", ""), write = dashboard("", ""), look = portal("", "");

	await play.GET("/streaks", { params: { query: { periodType: "WEEK" } } });
	// @ts-expect-error: it has to say which periods
	await play.GET("/streaks", { params: { query: { limit: 5 } } });
	// @ts-expect-error: there is no such period
	await play.GET("/streaks", { params: { query: { periodType: "HOUR" } } });

	await play.POST("/slides/{slideId}/submit", { params: { path: { slideId: "s" } }, body: { progress: "COMPLETE" } });
	// @ts-expect-error: progress is one of three
	await play.POST("/slides/{slideId}/submit", { params: { path: { slideId: "s" } }, body: { progress: "complete" } });
	// @ts-expect-error: a path needs its parameters
	await play.POST("/slides/{slideId}/submit", { body: { progress: "COMPLETE" } });

	const quiz = await play.GET("/quizzes/{quizId}", { params: { path: { quizId: "q" }, query: { fields: ["translation"] } } });
	quiz.data?.translation?.question.toUpperCase();
	// @ts-expect-error: texts have nothing but what they are said to have
	quiz.data?.translation?.questoin;
	quiz.error?.details.map((detail) => detail.field);
	// @ts-expect-error: a problem has no name
	quiz.error?.name;

	const group = await play.GET("/learning-groups/{learningGroupId}", { params: { path: { learningGroupId: "g" }, query: { fields: ["items"] } } });
	for (const item of group.data?.items ?? []) {
		if (item.itemType === "quiz") {
			item.itemData?.progress?.correctAnswer;
			// @ts-expect-error: a quiz has no items
			item.itemData?.items;
		} else if (item.itemType === "learningGroup") {
			item.itemData?.items.map((below) => below.itemId);
		}
		// @ts-expect-error: which it is has to be looked at
		item.itemData?.difficulty;
	}

	const rule = { ">": [{ var: "event.value" }, 5] };
	await write.POST("/mission-configurations", {
		body: {
			name: "Long", missionType: "INDIVIDUAL", matchType: "ENTITY", matchEntity: "Activity", matchCondition: rule, targetAmountExpression: { if: [3] },
			defaultLang: "en", translations: [{ lang: "en", label: "Three that are long" }],
		},
	});
	const why = await write.POST("/explain", { body: { eventId: "e", kind: "RewardRule", id: "r" } });
	for (const check of why.data?.checks ?? []) {
		check.trace?.args?.map((below) => below.op);
	}
	await write.GET("/runtime-leaderboards/{runtimeLeaderboardId}/rankings/around", {
		params: { path: { runtimeLeaderboardId: "b" }, query: { entityId: "u" } },
	});
	// @ts-expect-error: around whom?
	await write.GET("/runtime-leaderboards/{runtimeLeaderboardId}/rankings/around", { params: { path: { runtimeLeaderboardId: "b" } } });

	const all = await look.GET("/workspaces");
	all.data?.items.map((workspace) => workspace.workspaceId);
	// @ts-expect-error: the Portal has no missions
	await look.GET("/missions");
}
