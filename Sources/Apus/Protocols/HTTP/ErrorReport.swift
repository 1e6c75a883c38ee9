import ApusProtocols
import CApus

/// What is known of an error that no handler expected, and of the request that has it for an answer: what the client is
/// told while errors are shown (`HTTP.showsErrors`). Its size is bounded, and what looks like a secret is left out.
struct ErrorReport {
    struct Row {
        let name: String
        let value: String
    }

    struct Section {
        let title: String
        var rows: [Row] = []
    }

    let type: String
    /// May have several lines, none of which holds a control character.
    let message: String
    private(set) var sections: [Section] = []
    /// There was more than fits.
    private(set) var isCut = false
    private var room = 24 * 1024

    private static let longestMessage = 4096
    private static let longestValue = 1024

    init(_ error: any Error, _ request: HTTPRequest?, on connection: StreamConnection) {
        type = String(reflecting: Swift.type(of: error))
        message = Self.clip("\(error)", Self.longestMessage).split(atASCII: "\n", omittingEmptySubsequences: false)
            .map { Log.oneLine(String($0)) }.joined(separator: "\n")
        begin("Error")
        addDetails(of: error)
        if let request { add(request) }
        begin("Server")
        if let worker = connection.worker as? any AcceptingOwner {
            add("Worker", "\(worker.name), \(worker.socketName)")
        }
        add("Process", "\(capus_process_id())")
        add("Connection", "\(connection.id), \(connection.peer.text.isEmpty ? "unix" : connection.peer.text)")
        sections.removeAll { $0.rows.isEmpty }
    }

    // MARK: The error

    private mutating func addDetails(of error: any Error) {
        switch error {
        case DecodingError.typeMismatch(let type, let context), DecodingError.valueNotFound(let type, let context):
            add("Expected", "\(type)")
            add(context.codingPath, context.debugDescription, context.underlyingError)
        case DecodingError.keyNotFound(let key, let context):
            add("Missing key", key.stringValue)
            add(context.codingPath, context.debugDescription, context.underlyingError)
        case DecodingError.dataCorrupted(let context):
            add(context.codingPath, context.debugDescription, context.underlyingError)
        case EncodingError.invalidValue(let value, let context):
            add("Value of type", "\(Swift.type(of: value))")
            add(context.codingPath, context.debugDescription, context.underlyingError)
        case let error as SystemError:
            add("Action", error.action)
            add("errno", "\(error.code)")
        default: break
        }
    }

    private mutating func add(_ path: [any CodingKey], _ problem: String, _ cause: (any Error)?) {
        add("Coding path", Self.text(of: path))
        add("Problem", problem)
        if let cause { add("Because of", "\(cause)") }
    }

    /// "orders[2].price"
    private static func text(of path: [any CodingKey]) -> String {
        guard !path.isEmpty else { return "the value itself" }
        return path.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
    }

    // MARK: The request

    private mutating func add(_ request: HTTPRequest) {
        begin("Request")
        // Its query stands below, field by field.
        add("Line", "\(request.method.name) \(request.path) HTTP/\(request.version)")
        if let route = request.route { add("Route", route) }
        begin("Path parameters")
        for (name, value) in request.parameters.all { addField(name, value) }
        begin("Query")
        for (name, value) in request.queryParameters { addField(name, value) }
        begin("Form")
        if request.extras?.intake == nil, request.bodyCount > 0 {
            // A body that is no form has no fields.
            if let form = try? request.form { for (name, value) in form { addField(name, value) } }
            if let files = try? request.files {
                for file in files { add(file.name, "\(file.clientName), \(file.size) bytes") }
            }
        }
        begin("Header")
        for index in 0..<request.headers.count {
            let (name, value) = request.headers[index]
            // A query may hold what is hidden elsewhere.
            addField(name, name.lowercased() == "referer" ? String(value.prefix(beforeASCII: "?")) : value)
        }
    }

    private mutating func addField(_ name: String, _ value: String) {
        add(name, SecretName.isSecret(name, value) ? "hidden" : value)
    }

    // MARK: Bounds

    private mutating func begin(_ title: String) { sections.append(Section(title: title)) }

    private mutating func add(_ name: String, _ value: String) {
        let row = Row(
            name: Log.oneLine(Self.clip(name, 100)), value: Log.oneLine(Self.clip(value, Self.longestValue)))
        room -= row.name.utf8.count + row.value.utf8.count + 64
        guard room >= 0 else {
            isCut = true
            return
        }
        sections[sections.count - 1].rows.append(row)
    }

    private static func clip(_ text: String, _ most: Int) -> String {
        guard text.utf8.count > most else { return text }
        return String(decoding: text.utf8.prefix(most), as: UTF8.self) + " …"
    }
}
