import createClient from "openapi-fetch";

import type { paths as App } from "./app.js";
import type { paths as Dashboard } from "./dashboard.js";
import type { paths as Portal } from "./portal.js";

const headers = (token: string) => ({ Authorization: `Bearer ${token}` });

// The clients of the three parts of the API: of those who play, of those who write the rules, of those who look after an account.
export const app = (server: string, token: string) => createClient<App>({ baseUrl: `${server}/app/v1`, headers: headers(token) });
export const dashboard = (server: string, token: string) => createClient<Dashboard>({ baseUrl: `${server}/dashboard/v1`, headers: headers(token) });
export const portal = (server: string, token: string) => createClient<Portal>({ baseUrl: `${server}/portal/v1`, headers: headers(token) });
