import Apus
import ApusProtocols
import FoundationEssentials

/// What a request says in `Authorization` (RFC 9110 §11.6.2), and how one without is asked for it.
enum Authorization {
    /// What stands behind the name of a scheme; nil when the request has no credentials of it.
    static func credentials(of request: HTTPRequest, scheme: String) -> String? {
        guard let field = request.headers["Authorization"] else { return nil }
        let parts = field.split(atASCII: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == scheme else { return nil }
        return String(parts[1].drop { $0 == " " })
    }

    /// User and password of RFC 7617 §2; nil for what is none.
    static func basic(_ credentials: String) -> (user: String, password: String)? {
        guard let bytes = Data(base64Encoded: credentials), let text = String(validating: bytes, as: UTF8.self),
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return (String(text[..<colon]), String(text[text.utf8.index(after: colon)...]))
    }

    /// RFC 6750 §2.1: the characters that tokens have.
    static func isToken(_ text: String) -> Bool {
        let isPlain = { (byte: UInt8) in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "-._~+/=".utf8.contains(byte)
            }
        }
        return !text.isEmpty && text.utf8.allSatisfy(isPlain)
    }

    /// The refusal that asks for credentials.
    static func refusal(_ scheme: String, realm: String, _ parameters: String = "") -> HTTPError {
        HTTPError(
            .unauthorized, headers: ["WWW-Authenticate": "\(scheme) realm=\(quoted(realm))\(parameters)"])
    }

    /// RFC 9110 §5.6.4.
    private static func quoted(_ text: String) -> String {
        "\"" + text.escaped { $0 == "\"" || $0 == "\\" ? "\\\($0)" : nil } + "\""
    }

    /// A realm with control characters would be no field.
    static func check(realm: String) {
        precondition(realm.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a realm has no control characters")
    }
}
