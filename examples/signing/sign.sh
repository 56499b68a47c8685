#!/bin/sh
# Signs a call to /postback/{source} or /v1/postbacks as docs/signing.md says, with openssl:
#
#   SIGNING_SECRET=… sh sign.sh POST https://in.example/postback/shop body.json   prints the three headers
#   SIGNING_SECRET=… sh sign.sh --query GET 'https://in.example/postback/shop?event=lead'   prints the signed URL
#
# For curl:  sh sign.sh POST "$url" body.json >headers && curl -H @headers --data-binary @body.json "$url"
# openssl takes the secret as an argument, which other users of the machine can see while it runs.
set -eu

mode=headers
if [ "$1" = --query ]; then
  mode=query
  shift
fi
method=$1 url=$2 body=${3:-/dev/null}
timestamp=$(date +%s)
nonce=$(openssl rand -hex 16)
if [ "$mode" = query ]; then
  case $url in *\?*) separator='&' ;; *) separator='?' ;; esac
  url="$url${separator}x_timestamp=$timestamp&x_nonce=$nonce"
fi

# Path and query as they are sent: without scheme and host.
target="/${url#*://*/}"
path=${target%%\?*}
case $target in *\?*) query=${target#*\?} ;; *) query= ;; esac
sorted=$(printf '%s' "$query" | tr '&' '\n' | grep -v -e '^$' -e '^x_signature$' -e '^x_signature=' | LC_ALL=C sort | paste -s -d '&' - || true)
body_hash=$(openssl dgst -sha256 <"$body" | sed 's/^.* //')
signature=v1=$(printf 'v1\n%s\n%s\n%s\n%s\n%s\n%s' "$method" "$path" "$sorted" "$body_hash" "$timestamp" "$nonce" |
  openssl dgst -sha256 -hmac "$SIGNING_SECRET" | sed 's/^.* //')

if [ "$mode" = query ]; then
  printf '%s&x_signature=%s\n' "$url" "$signature"
else
  printf 'X-Signature: %s\nX-Timestamp: %s\nX-Nonce: %s\n' "$signature" "$timestamp" "$nonce"
fi
