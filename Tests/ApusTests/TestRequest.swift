import ApusProtocols
import CApus

@testable import Apus

/// A request as a handler gets it, made of bytes without a connection. It owns them, as one that was kept.
struct TestRequest {
    let request: HTTPRequest

    /// `lines` are the request line and the fields.
    init(_ lines: String..., host: String? = "Host: h", body: [UInt8] = [], forms: FormOptions = FormOptions()) {
        self.init(lines: lines + [host].compactMap { $0 }, body: body, forms: forms)
    }

    init(lines: [String], body: [UInt8] = [], forms: FormOptions = FormOptions()) {
        let hasHost = lines.contains { $0.hasPrefix("Host:") } || lines[0].hasSuffix("HTTP/1.0")
        let head = (lines + (hasHost ? [] : ["Host: h"])).map { "\($0)\r\n" }.joined() + "\r\n"
        var bytes = Array(head.utf8) + body
        let count = bytes.count
        bytes += Array(repeating: 0, count: Int(CAPUS_SCAN_PADDING))
        request = bytes.withUnsafeMutableBufferPointer { memory in
            let start = memory.baseAddress!
            let request = HTTPRequest(limits: HTTPRequestLimits(), forms: forms, bytes: start)
            guard case .complete = request.parser.parse(start, count: count) else { fatalError("no request: \(head)") }
            request.bodyStart = request.parser.head.byteCount
            request.bodyCount = body.count
            request.detach()
            return request
        }
    }

    init(form type: String, _ body: String, forms: FormOptions = FormOptions()) {
        self.init("POST / HTTP/1.1", "Content-Type: \(type)", body: Array(body.utf8), forms: forms)
    }
}
