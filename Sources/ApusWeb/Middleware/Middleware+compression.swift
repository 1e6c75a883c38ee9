import Apus

extension Middleware {
    /// Compresses responses with gzip for clients that take it: bodies in memory of `minBytes` to 2 MiB, and streams,
    /// whose pieces are compressed each for itself, so that the client can read them as they come. `level` is 1, quick,
    /// to 9, small.
    ///
    /// It does so with types that become smaller by it, such as text, JSON, SVG and WebAssembly. Responses with a
    /// `Content-Encoding` of their own or `Cache-Control: no-transform`, parts, files and events are left as they are:
    /// `StaticFiles` sends files that were compressed before, also with brotli, which is too slow here. A strong `ETag`
    /// becomes a weak one.
    ///
    /// Nobody else is served while a body is compressed: 1 MiB of text takes some 30 ms, with level 1 half of that. A
    /// stream takes 64 KB of memory until it ends.
    ///
    /// The length of what is compressed tells something of it. Do not compress responses in which a secret, such as a
    /// token against forged requests, stands beside what others can put there, such as a search term from the query:
    /// who sees the lengths of many can find out the secret (the attack is known as BREACH).
    public static func compression(minBytes: Int = 1024, level: Int = 5) -> Middleware {
        let compression = Compression(minBytes: minBytes, level: level)
        return Middleware(after: { compression.apply($0, &$1) })
    }
}
