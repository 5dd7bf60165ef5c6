// The client that the scripts dynamics-web-api-*.mjs call.
import { DynamicsWebApi } from "dynamics-web-api";
import { sandbox, userToken } from "./sandbox.mjs";

export { sandbox };
export const token = await userToken();
export const config = { serverUrl: sandbox.environment, dataApi: { version: "9.2" }, onTokenRefresh: () => token };
export const api = new DynamicsWebApi(config);
export const total = sandbox.accounts;
export const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const nobody = "00000000-0000-0000-0000-000000000001"; // id of no row
export const ids = (rows) => new Set(rows.map((r) => r.accountid));

// some returns an account to work with.
export const some = async () => (await api.retrieveMultiple({ collection: "accounts", select: ["name"], top: 1, orderBy: ["name"] })).value[0];
