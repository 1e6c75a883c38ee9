import ApusProtocols
import CApus

/// The answer that shows an error to whoever sent the request: HTML for browsers, JSON for those who ask for it, else
/// plain text. Made for errors alone, and only where `HTTP.showsErrors` says so.
struct ErrorPage {
    private enum Format {
        case html, json, text

        /// The first type that the client names and that there is.
        init(accepted field: String) {
            for member in field.lowercased().split(atASCII: ",") {
                let words = member.split(atASCII: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
                if words.dropFirst().contains(where: { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }) {
                    continue
                }
                switch words.first {
                case "text/html", "application/xhtml+xml":
                    self = .html
                    return
                case let type? where type.hasSuffix("/json") || type.hasSuffix("+json"):
                    self = .json
                    return
                default: break
                }
            }
            self = .text
        }
    }

    private let status: HTTPStatus
    private let headers: HTTPHeaders
    private let report: ErrorReport
    private let format: Format

    private static let advice =
        "To answer something else, throw an HTTPError: throw HTTPError(.notFound). "
        + "Errors are shown to clients because APUS_DEBUG=1 is set, or HTTP(showsErrors: true); "
        + "without either the answer is a bare 500."

    /// `request` is nil where it is not known which one failed.
    init(_ error: any Error, _ request: HTTPRequest?, on connection: StreamConnection) {
        let refusal = error as? HTTPError
        status = refusal?.status ?? .internalServerError
        headers = refusal?.headers ?? [:]
        report = ErrorReport(error, request, on: connection)
        format = Format(accepted: request?.headers["accept"] ?? "")
    }

    var response: HTTPResponse {
        var headers = headers
        headers["Cache-Control"] = "no-store"
        headers["X-Content-Type-Options"] = "nosniff"
        switch format {
        case .html:
            headers["Content-Type"] = "text/html;charset=utf-8"
            headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
            return HTTPResponse(status, headers: headers, body: html)
        case .json:
            headers["Content-Type"] = "application/json"
            return HTTPResponse(status, headers: headers, body: json)
        case .text:
            headers["Content-Type"] = "text/plain;charset=utf-8"
            return HTTPResponse(status, headers: headers, body: text)
        }
    }

    // MARK: Text and JSON

    private var text: String {
        var lines = ["\(status)", "", report.type, report.message]
        for section in report.sections {
            lines += ["", section.title] + section.rows.map { "  \($0.name): \($0.value)" }
        }
        if report.isCut { lines += ["", "There was more than is shown."] }
        return (lines + ["", Self.advice, ""]).joined(separator: "\n")
    }

    private var json: String {
        var object = JSONObject()
        object.add("status", status.code)
        object.add("type", report.type)
        object.add("message", report.message)
        for section in report.sections {
            let rows = section.rows.map { row in
                var object = JSONObject()
                object.add("name", row.name)
                object.add("value", row.value)
                return object
            }
            object.add(section.title.lowercased(), rows)
        }
        object.add("isCut", report.isCut)
        object.add("advice", Self.advice)
        return object.text + "\n"
    }

    // MARK: HTML

    private var html: String {
        var page = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            <title>\(HTMLText.escape("\(status)"))</title><style>\(Self.style)</style></head><body><main>
            <p class="status">\(HTMLText.escape("\(status)"))</p>
            <h1>\(HTMLText.escape(report.type))</h1>
            <pre>\(HTMLText.escape(report.message))</pre>

            """
        for section in report.sections {
            page += "<h2>\(HTMLText.escape(section.title))</h2><table>\n"
            for row in section.rows {
                page += "<tr><th>\(HTMLText.escape(row.name))</th><td>\(HTMLText.escape(row.value))</td></tr>\n"
            }
            page += "</table>\n"
        }
        if report.isCut { page += "<p>There was more than is shown.</p>\n" }
        return page + "<p class=\"advice\">\(HTMLText.escape(Self.advice))</p></main></body></html>\n"
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1c2128;--paper:#f5f6f8;--card:#fff;--line:#dce0e6;--soft:#5a6473;\
        --mark:#b02a1f}
        @media(prefers-color-scheme:dark){:root{--ink:#e4e7eb;--paper:#13161b;--card:#1b1f26;--line:#2f3640;\
        --soft:#98a2b0;--mark:#ff8f84}}
        body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
        main{max-width:56rem;margin:0 auto;padding:1.5rem 1rem 3rem}
        h1{margin:0 0 .75rem;font-size:1.3rem;overflow-wrap:anywhere;color:var(--mark)}
        h2{margin:1.5rem 0 .4rem;font-size:.95rem;color:var(--soft)}
        .status{margin:0;color:var(--soft)}
        pre,table{background:var(--card);border:1px solid var(--line);border-radius:.4rem}
        pre,td{font:.9rem/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
        pre{margin:0;padding:.75rem}
        table{width:100%;border-spacing:0;table-layout:fixed}
        th,td{padding:.3rem .75rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
        th{width:28%;font-weight:500;overflow-wrap:anywhere}
        tr:first-child>*{border-top:0}
        .advice{margin-top:1.5rem;color:var(--soft)}
        @media(max-width:36rem){th,td{display:block;width:auto}td{border-top:0;padding-top:0}}
        """
}

extension HTTP {
    /// `showsErrors`, or what the environment says where that is left open.
    nonisolated var isShowingErrors: Bool {
        showsErrors ?? (capus_environment("APUS_DEBUG").map { String(cString: $0) } == "1")
    }
}
