import TrialSupport

run([
    "responses": responses,
    "pooling": pooling,
    "stale": staleConnections,
    "timeouts": timeouts,
    "redirects": redirects,
    "bodies": bodies,
    "streaming": streaming,
    "compression": compression,
    "cookies": cookies,
    "nginx": realServer,
    "killed": killedServer,
    "tls": secured,
    "proxies": proxies,
    "misuse": misuse,
    "many": manyRequests,
    "every-byte": everyByte,
    "dns": dns,
    "dns-troubles": dnsTroubles,
])
