/// Media types by the extension of a file's name. Texts come without a character set: the file may name its own.
package enum MediaTypes {
    /// The type of the file at `path`; nil when its extension is not known. Upper and lower case are the same.
    package static func type(ofPath path: String) -> String? {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return nil }
        return byExtension[String(Substring(name[name.index(after: dot)...])).lowercased()]
    }

    private static let byExtension: [String: String] = {
        var table: [String: String] = [:]
        for (type, extensions) in types {
            for name in extensions.split(atASCII: " ") { table[String(name)] = type }
        }
        return table
    }()

    private static let types: [(String, String)] = [
        ("text/html", "html htm shtml"), ("text/css", "css"), ("text/xml", "xml"), ("text/plain", "txt text log"),
        ("text/markdown", "md"), ("text/csv", "csv"), ("text/calendar", "ics"), ("text/vtt", "vtt"),
        ("application/javascript", "js mjs"), ("application/json", "json map"), ("application/wasm", "wasm"),
        ("application/manifest+json", "webmanifest"), ("application/atom+xml", "atom"),
        ("application/rss+xml", "rss"), ("application/xhtml+xml", "xhtml"),
        ("image/gif", "gif"), ("image/jpeg", "jpeg jpg"), ("image/png", "png"), ("image/tiff", "tif tiff"),
        ("image/x-icon", "ico"), ("image/bmp", "bmp"), ("image/svg+xml", "svg svgz"), ("image/webp", "webp"),
        ("image/avif", "avif"),
        ("application/pdf", "pdf"), ("application/rtf", "rtf"), ("application/postscript", "ps eps ai"),
        ("application/zip", "zip"), ("application/gzip", "gz tgz"), ("application/vnd.rar", "rar"),
        ("application/x-7z-compressed", "7z"), ("application/x-tar", "tar"),
        ("application/java-archive", "jar"), ("application/x-shockwave-flash", "swf"),
        ("application/x-x509-ca-cert", "crt pem der"),
        ("application/msword", "doc"), ("application/vnd.ms-excel", "xls"), ("application/vnd.ms-powerpoint", "ppt"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
        ("application/octet-stream", "bin exe dll deb dmg iso img msi msp msm"),
        ("audio/midi", "mid midi kar"), ("audio/mpeg", "mp3"), ("audio/ogg", "ogg oga"), ("audio/x-m4a", "m4a"),
        ("audio/x-realaudio", "ra"), ("audio/wav", "wav"), ("audio/flac", "flac"),
        ("application/vnd.apple.mpegurl", "m3u8"), ("video/3gpp", "3gpp 3gp"), ("video/mp2t", "ts"),
        ("video/mp4", "mp4"), ("video/mpeg", "mpeg mpg"), ("video/quicktime", "mov"), ("video/webm", "webm"),
        ("video/x-flv", "flv"), ("video/x-m4v", "m4v"), ("video/x-msvideo", "avi"), ("video/x-ms-wmv", "wmv"),
        ("font/ttf", "ttf"), ("font/otf", "otf"), ("font/woff", "woff"), ("font/woff2", "woff2"),
        ("application/vnd.ms-fontobject", "eot"),
    ]
}
