"""The half of the relying-party test that runs on Authlib: prints the URL to open, reads the URL of the answer, prints what came of it."""

import json
import sys

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from authlib.jose import JsonWebKey, jwt

issuer, client_id, client_secret, redirect_uri = sys.argv[1:]
metadata = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
client = OAuth2Client(
    client_id,
    client_secret,
    token_endpoint_auth_method="client_secret_basic",
    scope="openid email offline_access",
    redirect_uri=redirect_uri,
    code_challenge_method="S256",
)
verifier = "a-verifier-of-more-than-forty-three-characters-1234"
url, state = client.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-authlib", prompt="consent"
)
print(url, flush=True)

answer = sys.stdin.readline().strip()
tokens = client.fetch_token(
    metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
)
keys = JsonWebKey.import_key_set(httpx.get(metadata["jwks_uri"]).json())
claims = jwt.decode(
    tokens["id_token"],
    keys,
    claims_options={
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        "nonce": {"essential": True, "value": "n-authlib"},
    },
)
claims.validate()
info = client.get(metadata["userinfo_endpoint"]).json()
assert info["sub"] == claims["sub"]
refreshed = client.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
seen = client.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
client.revoke_token(metadata["revocation_endpoint"], token=refreshed["access_token"])
gone = client.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
print(
    json.dumps(
        {
            "email": info["email"],
            "refreshed": refreshed["access_token"] != tokens["access_token"],
            "active": seen["active"],
            "revoked": not gone["active"],
        }
    ),
    flush=True,
)
