package httpapi_test

// notYet is what clients know and is not served.
const notYet = `
dashboard GET /analytics/content
dashboard GET /analytics/economy
dashboard GET /analytics/engagement
dashboard GET /analytics/gamification
dashboard GET /analytics/learning
dashboard GET /analytics/overview
dashboard GET /analytics/quiz
`
