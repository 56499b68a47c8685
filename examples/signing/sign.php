<?php
/**
 * Signs a call to /postback/{source} or /v1/postbacks as docs/signing.md says. As a program:
 *
 *   SIGNING_SECRET=… php sign.php POST https://in.example/postback/shop body.json   prints the three headers
 *   SIGNING_SECRET=… php sign.php --query GET 'https://in.example/postback/shop?event=lead'   prints the signed URL
 */

declare(strict_types=1);

function signature(string $secret, string $method, string $target, string $body, string $timestamp, string $nonce): string
{
    [$path, $query] = explode('?', $target, 2) + [1 => ''];
    $parts = array_filter(
        explode('&', $query),
        fn (string $part) => $part !== '' && $part !== 'x_signature' && !str_starts_with($part, 'x_signature='),
    );
    sort($parts, SORT_STRING);
    $text = implode("\n", ['v1', $method, $path, implode('&', $parts), hash('sha256', $body), $timestamp, $nonce]);
    return 'v1=' . hash_hmac('sha256', $text, $secret);
}

/** Path and query as they are sent; everything else than ASCII must be percent-encoded already. */
function target_of(string $url): string
{
    $query = parse_url($url, PHP_URL_QUERY);
    return parse_url($url, PHP_URL_PATH) . ($query === null ? '' : "?$query");
}

/** The headers of a signed call. Send the very bytes of $body and the very URL; sign anew for every attempt. */
function signed_headers(string $secret, string $method, string $url, string $body = '', ?string $nonce = null): array
{
    $timestamp = (string) time();
    $nonce ??= bin2hex(random_bytes(16));
    $made = signature($secret, $method, target_of($url), $body, $timestamp, $nonce);
    return ['X-Signature' => $made, 'X-Timestamp' => $timestamp, 'X-Nonce' => $nonce];
}

/** The URL of a signed call without headers of its own. */
function signed_url(string $secret, string $method, string $url, string $body = '', ?string $nonce = null): string
{
    $timestamp = (string) time();
    $nonce ??= bin2hex(random_bytes(16));
    $url .= (str_contains($url, '?') ? '&' : '?') . "x_timestamp=$timestamp&x_nonce=$nonce";
    return $url . '&x_signature=' . signature($secret, $method, target_of($url), $body, $timestamp, $nonce);
}

if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    $isQuery = ($argv[1] ?? '') === '--query';
    [$method, $url, $file] = array_slice($argv, $isQuery ? 2 : 1) + [2 => null];
    $body = $file === null ? '' : file_get_contents($file);
    $secret = getenv('SIGNING_SECRET') ?: throw new RuntimeException('SIGNING_SECRET is not set');
    if ($isQuery) {
        echo signed_url($secret, $method, $url, $body), "\n";
    } else {
        foreach (signed_headers($secret, $method, $url, $body) as $name => $value) {
            echo "$name: $value\n";
        }
    }
}
