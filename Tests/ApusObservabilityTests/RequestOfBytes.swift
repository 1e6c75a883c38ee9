import ApusProtocols
import CApus

@testable import Apus

extension HTTPRequest {
    /// A request without a connection, of its request line and fields.
    @MainActor static func of(_ lines: String...) -> HTTPRequest {
        let head = Array(lines.map { "\($0)\r\n" }.joined().utf8) + [0x0D, 0x0A]
        var bytes = head + Array(repeating: 0, count: Int(CAPUS_SCAN_PADDING))
        return bytes.withUnsafeMutableBufferPointer { memory in
            let start = memory.baseAddress!
            let request = HTTPRequest(limits: HTTPRequestLimits(), forms: FormOptions(), bytes: start)
            guard case .complete = request.parser.parse(start, count: head.count) else { fatalError("no request") }
            request.bodyStart = head.count
            request.detach()
            return request
        }
    }
}
