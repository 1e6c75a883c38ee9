import ApusProtocols
import Testing

@testable import ApusCluster

@Suite struct `Values of a cluster` {
    private final class Server {
        var values = GlobalDataValues(maxBytes: 4)

        func answer(_ request: String, at seconds: Int64 = 0) throws -> String {
            let now = seconds * 1_000_000_000
            return String(decoding: try values.answer(to: ClusterMessage(Array(request.utf8)), now), as: UTF8.self)
        }
    }

    private let server = Server()

    @Test func `do not inherit the end of one that has expired`() throws {
        #expect(try server.answer(#"{"cmd":"set","key":"a","value":1,"ttl":1}"#) == "true")
        let swap = #"{"cmd":"cas","key":"a","md5":"\#(MD5.hex(Array("null".utf8)))","value":2}"#
        #expect(try server.answer(swap, at: 2) == "true")
        #expect(try server.answer(#"{"cmd":"get","key":"a"}"#, at: 3) == "2")
    }

    @Test func `are no sums that there is no room for`() throws {
        #expect(try server.answer(#"{"cmd":"set","key":"a","value":999}"#) == "true")
        #expect(try server.answer(#"{"cmd":"increment","key":"a"}"#) == "false")
        #expect(try server.answer(#"{"cmd":"get","key":"a"}"#) == "999")
        #expect(server.values.heldBytes == 4)
    }

    @Test func `are integers as far as they fit`() throws {
        #expect(try GlobalDataNumber.integer("-12") == -12)
        #expect(try GlobalDataNumber.integer("2.5") == 2)
        for text in ["1e300", "-1e19", "nan", "x", ""] {
            #expect(throws: ClusterError.self) { try GlobalDataNumber.integer(text) }
        }
    }
}
