/// Which fields may stand behind a body (RFC 9110 §6.5.1): none of which a recipient has to know before it reads on.
package enum TrailerField {
    private static let forbidden: Set<String> = [
        // Where the message ends, and whom it is for.
        "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade",
        // What is asked for, and under which conditions.
        "cache-control", "expect", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
        "max-forwards", "pragma", "range",
        // Who asks.
        "authorization", "cookie", "proxy-authenticate", "proxy-authorization", "set-cookie", "www-authenticate",
        // What to do with the answer, and how to read the content.
        "age", "content-encoding", "content-range", "content-type", "date", "location", "retry-after", "vary",
    ]

    /// Whether a field of that name may be a trailer; names are case-insensitive.
    package static func isAllowed(_ name: String) -> Bool { !forbidden.contains(name.lowercased()) }
}
