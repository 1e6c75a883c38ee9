import Apus
import ApusProtocols

extension HTTPHeaders {
    /// RFC 9110 §12.5.5: the response depends on a field of the request.
    mutating func vary(on name: String) {
        guard let field = list("Vary") else {
            self["Vary"] = name
            return
        }
        let names = Self.members(field)
        if !names.contains("*"), !names.contains(name.lowercased()) { self["Vary"] = "\(field), \(name)" }
    }

    /// The members of a list, in lower case and without what stands behind a blank.
    static func members(_ field: String) -> [String] {
        field.split(atASCII: ",").map { member in
            String(member.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }).lowercased()
        }
    }
}
