#!/usr/bin/env python3
"""Signs a call to /postback/{source} or /v1/postbacks as docs/signing.md says. As a program:

  SIGNING_SECRET=... python3 sign.py POST https://in.example/postback/shop body.json   prints the three headers
  SIGNING_SECRET=... python3 sign.py --query GET 'https://in.example/postback/shop?event=lead'   prints the signed URL
"""

import hashlib
import hmac
import os
import secrets
import sys
import time
from urllib.parse import urlsplit


def signature(secret: str, method: str, target: str, body: bytes, timestamp: str, nonce: str) -> str:
    path, _, query = target.partition("?")
    parts = [part for part in query.split("&") if part and part != "x_signature" and not part.startswith("x_signature=")]
    lines = ["v1", method, path, "&".join(sorted(parts)), hashlib.sha256(body).hexdigest(), timestamp, nonce]
    text = "\n".join(lines).encode("ascii")
    return "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def target_of(url: str) -> str:
    """Path and query as they are sent; everything else than ASCII must be percent-encoded already."""
    split = urlsplit(url)
    return split.path + ("?" + split.query if split.query else "")


def signed_headers(secret: str, method: str, url: str, body: bytes = b"", nonce: str | None = None) -> dict[str, str]:
    """The headers of a signed call. Send the very bytes of `body` and the very URL; sign anew for every attempt."""
    timestamp, nonce = str(int(time.time())), nonce or secrets.token_hex(16)
    made = signature(secret, method, target_of(url), body, timestamp, nonce)
    return {"X-Signature": made, "X-Timestamp": timestamp, "X-Nonce": nonce}


def signed_url(secret: str, method: str, url: str, body: bytes = b"", nonce: str | None = None) -> str:
    """The URL of a signed call without headers of its own."""
    timestamp, nonce = str(int(time.time())), nonce or secrets.token_hex(16)
    url += ("&" if "?" in url else "?") + f"x_timestamp={timestamp}&x_nonce={nonce}"
    return url + "&x_signature=" + signature(secret, method, target_of(url), body, timestamp, nonce)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    is_query = arguments[:1] == ["--query"]
    method, url, *rest = arguments[1:] if is_query else arguments
    body = open(rest[0], "rb").read() if rest else b""
    secret = os.environ["SIGNING_SECRET"]
    if is_query:
        print(signed_url(secret, method, url, body))
    else:
        for name, value in signed_headers(secret, method, url, body).items():
            print(f"{name}: {value}")
