import Apus
import ApusProtocols

/// A page that lists what a folder holds.
struct FolderListing {
    private struct Row {
        let name: [UInt8]
        let isFolder: Bool
        let size: Int
        let modified: HTTPTime
        var text: String { String(decoding: name, as: UTF8.self) + (isFolder ? "/" : "") }
    }

    private let path: SitePath
    private let rows: [Row]
    /// There are more than a page is good for.
    private let isCut: Bool

    private static let mostRows = 10_000

    init(_ folder: OpenFolder, _ path: SitePath, servesHiddenFiles: Bool, followsLinks: Bool) {
        self.path = path
        let names = folder.names.filter { servesHiddenFiles || $0.first != UInt8(ascii: ".") }
        isCut = names.count > Self.mostRows
        let rows = names.prefix(Self.mostRows).compactMap { name -> Row? in
            // What cannot be opened could not be served either.
            guard let item = try? folder.open([name], followsLinks: followsLinks) else { return nil }
            let isFolder = if case .folder = item { true } else { false }
            let modified = HTTPTime(seconds: item.state.modifiedSeconds)
            return Row(name: name, isFolder: isFolder, size: item.state.size, modified: modified)
        }
        let keyed = rows.map { (row: $0, key: [$0.isFolder ? 0 : 1] + Array($0.text.lowercased().utf8)) }
        self.rows = keyed.sorted { a, b in
            if a.key == b.key { return a.row.name.lexicographicallyPrecedes(b.row.name) }
            return a.key.lexicographicallyPrecedes(b.key)
        }.map(\.row)
    }

    var response: HTTPResponse {
        var response = HTTPResponse(.ok, body: page)
        response.headers["Content-Type"] = "text/html;charset=utf-8"
        response.headers["Cache-Control"] = "no-cache"
        // Should a name ever be taken for more than text, it can do nothing.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return response
    }

    private var page: String {
        let title = HTMLText.escape(path.components.isEmpty ? "/" : path.text + "/")
        let parent = path.components.isEmpty ? "" : Self.row("../", "../", "", "")
        let note = isCut ? "<p>Only \(Self.mostRows) of the files are shown.</p>" : ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <h1>\(title)</h1>
            <table>
            <thead><tr><th>Name</th><th>Size</th><th>Changed (UTC)</th></tr></thead>
            <tbody>
            \(parent)\(rows.map(Self.row).joined())</tbody>
            </table>
            \(note)
            </body>
            </html>

            """
    }

    private static func row(_ row: Row) -> String {
        // "./" keeps what stands before a colon from being taken for a scheme.
        let link = "./\(SitePath.encode(row.name))\(row.isFolder ? "/" : "")"
        // "Sun, 06 Nov 1994 08:49:37 GMT"
        let time = String(row.modified.text.dropFirst(5).prefix(17))
        return Self.row(link, row.text, row.isFolder ? "–" : size(row.size), time)
    }

    private static func row(_ link: String, _ text: String, _ size: String, _ time: String) -> String {
        "<tr><td><a href=\"\(link)\">\(HTMLText.escape(text))</a></td><td>\(size)</td><td>\(time)</td></tr>\n"
    }

    /// "999 B", "1.4 kB", "23 MB"
    static func size(_ bytes: Int) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        var tenths = (bytes + 50) / 100
        for unit in ["kB", "MB", "GB"] {
            if tenths < 100 { return "\(tenths / 10).\(tenths % 10) \(unit)" }
            if tenths < 9995 { return "\((tenths + 5) / 10) \(unit)" }
            tenths = (tenths + 500) / 1000
        }
        return tenths < 100 ? "\(tenths / 10).\(tenths % 10) TB" : "\((tenths + 5) / 10) TB"
    }

    private static let style = """
        :root { color-scheme: light dark; --line: #ddd; --link: #0b57d0; --dim: #666; --back: #fff; --text: #1b1b1b }
        @media (prefers-color-scheme: dark) {
        :root { --line: #333; --link: #8ab4f8; --dim: #999; --back: #16181c; --text: #e6e6e6 } }
        body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 60rem;
        background: var(--back); color: var(--text) }
        h1 { font-size: 1.2rem; overflow-wrap: anywhere }
        table { border-collapse: collapse; width: 100% }
        th, td { text-align: left; padding: .4rem .5rem; border-bottom: 1px solid var(--line) }
        th { color: var(--dim); font-weight: 500; font-size: .85rem }
        td:first-child { overflow-wrap: anywhere }
        th:nth-child(n+2), td:nth-child(n+2) { text-align: right; white-space: nowrap; color: var(--dim);
        font-variant-numeric: tabular-nums }
        a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
        @media (max-width: 34rem) { th:nth-child(3), td:nth-child(3) { display: none } }
        """
}
