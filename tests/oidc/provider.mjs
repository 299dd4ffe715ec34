// A certified OpenID Connect provider on loopback, with an account that signs in by itself and, when told to, a lie in
// the token it hands out. Prints its address when it listens; ends when its input closes.
import { createServer } from "node:http";
import { Buffer } from "node:buffer";

import { SignJWT, decodeJwt, exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

const clients = JSON.parse(process.argv[2]);
const told = { account: "account-1", acr: undefined, lie: undefined, signedInSecondsAgo: 0 };

const keys = await generateKeyPair("ES256", { extractable: true });
const strangers = await generateKeyPair("ES256", { extractable: true });
const jwk = { ...(await exportJWK(keys.privateKey)), alg: "ES256", use: "sig", kid: "first" };

const lies = {
  honest: (claims) => claims,
  audience: (claims) => ({ ...claims, aud: "somebody-else", azp: claims.aud }),
  audiences: (claims) => ({ ...claims, aud: [claims.aud, "somebody-else"], azp: claims.aud }),
  nonce: (claims) => ({ ...claims, nonce: "another" }),
  no_nonce: ({ nonce, ...claims }) => claims,
  issuer: (claims) => ({ ...claims, iss: "http://127.0.0.1:1" }),
  expired: (claims) => ({ ...claims, iat: claims.iat - 7200, exp: claims.exp - 7200 }),
  old_sign_in: (claims) => ({ ...claims, auth_time: claims.auth_time - 24 * 3600 }),
  no_auth_time: ({ auth_time, ...claims }) => claims,
  no_subject: ({ sub, ...claims }) => claims,
  weaker_class: (claims) => ({ ...claims, acr: "password-only" }),
  other_key: (claims) => claims,
  no_signature: (claims) => claims,
  symmetric: (claims) => claims,
};

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function lied(token) {
  const claims = lies[told.lie](decodeJwt(token));
  const { at_hash, ...rest } = claims;
  if (told.lie === "no_signature") {
    return `${encode({ alg: "none" })}.${encode(rest)}.`;
  }
  if (told.lie === "symmetric") {
    return new SignJWT(rest).setProtectedHeader({ alg: "HS256", kid: "first" }).sign(Buffer.from(clients[0].client_id.padEnd(32, "x")));
  }
  const key = told.lie === "other_key" ? strangers.privateKey : keys.privateKey;
  return new SignJWT(rest).setProtectedHeader({ alg: "ES256", kid: "first" }).sign(key);
}

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  jwks: { keys: [jwk] },
  acrValues: ["two-factors", "password-only"],
  cookies: { keys: ["for tests only"] },
  features: { devInteractions: { enabled: false } },
  clientAuthMethods: ["private_key_jwt", "client_secret_basic"],
  enabledJWA: { idTokenSigningAlgValues: ["ES256"], clientAuthSigningAlgValues: ["ES256"] },
  pkce: { required: () => true },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (ctx.path === "/tell") {
    Object.assign(told, { acr: undefined, lie: undefined }, JSON.parse(ctx.query.what));
    ctx.status = 204;
    return;
  }
  if (ctx.path.startsWith("/interaction/")) {
    const login = { accountId: told.account, acr: told.acr };
    ctx.respond = false;
    await provider.interactionFinished(ctx.req, ctx.res, { login });
    return;
  }
  await next();
  if (ctx.path === "/token" && told.lie && ctx.body?.id_token) {
    if (told.lie === "no_id_token") {
      delete ctx.body.id_token;
    } else {
      ctx.body.id_token = await lied(ctx.body.id_token);
    }
  }
});

server.on("request", provider.callback());
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
process.stdout.write(`${issuer}\n`);
