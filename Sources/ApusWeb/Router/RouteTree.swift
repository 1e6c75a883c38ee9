import Apus
import ApusProtocols

/// The routes of a server by the segments of their paths. Paths are looked up in place, without making a `String`.
final class RouteTree {
    private let root = Node()

    /// One place that paths lead to. Nodes change only before the server starts.
    private final class Node {
        @exclusivity(unchecked) var children: [(segment: [UInt8], node: Node)] = []
        @exclusivity(unchecked) var parameter: Node?
        @exclusivity(unchecked) var rest: Node?
        /// By the raw value of the method.
        @exclusivity(unchecked) var routes: [Route?] = []

        func child(_ segment: UnsafeRawBufferPointer) -> Node? {
            for (name, node) in children where name.count == segment.count && name.elementsEqual(segment) {
                return node
            }
            return nil
        }
    }

    /// What was found for a path.
    enum Match {
        /// `values` are the open parts of the path, as they were sent.
        case route(Route, values: [UnsafeRawBufferPointer])
        /// The path exists, for these methods.
        case otherMethods([HTTPMethod])
        case none
    }

    /// False when there is such a route already.
    func add(_ route: Route) -> Bool {
        var node = root
        for segment in route.pattern.segments {
            switch segment {
            case .literal(let name): node = child(of: node, name)
            case .parameter:
                node.parameter = node.parameter ?? Node()
                node = node.parameter!
            case .rest:
                node.rest = node.rest ?? Node()
                node = node.rest!
            }
        }
        if node.routes.isEmpty { node.routes = Array(repeating: nil, count: HTTPMethod.allCases.count) }
        guard node.routes[Int(route.method.rawValue)] == nil else { return false }
        node.routes[Int(route.method.rawValue)] = route
        return true
    }

    private func child(of node: Node, _ name: [UInt8]) -> Node {
        if let known = name.withUnsafeBytes({ node.child($0) }) { return known }
        let made = Node()
        node.children.append((name, made))
        return made
    }

    /// Finds the route for a path. Literal segments go before open ones, and those before one that takes the rest.
    func match(_ method: HTTPMethod, _ path: UnsafeRawBufferPointer) -> Match {
        guard path.first == UInt8(ascii: "/") else { return .none }
        var search = Search(method: method)
        search.look(root, UnsafeRawBufferPointer(rebasing: path[1...]))
        if let route = search.route { return .route(route, values: search.values) }
        return search.others.isEmpty ? .none : .otherMethods(search.others)
    }

    private struct Search {
        let method: HTTPMethod
        var route: Route?
        var values: [UnsafeRawBufferPointer] = []
        var others: [HTTPMethod] = []

        init(method: HTTPMethod) { self.method = method }

        /// Looks for what is left of the path below a node.
        mutating func look(_ node: Node, _ path: UnsafeRawBufferPointer) {
            guard !path.isEmpty else {
                take(node)
                if route == nil, let rest = node.rest { take(rest, path) }
                return
            }
            let end = path.firstIndex(of: UInt8(ascii: "/")) ?? path.count
            let segment = UnsafeRawBufferPointer(rebasing: path[..<end])
            let next = UnsafeRawBufferPointer(rebasing: path[min(end + 1, path.count)...])
            if let child = literal(node, segment) { look(child, next) }
            if route == nil, let parameter = node.parameter, !segment.isEmpty {
                values.append(segment)
                look(parameter, next)
                if route == nil { values.removeLast() }
            }
            if route == nil, let rest = node.rest { take(rest, path) }
        }

        /// RFC 3986 §6.2.2.2: an escape stands for its byte, a slash aside.
        private func literal(_ node: Node, _ segment: UnsafeRawBufferPointer) -> Node? {
            guard !node.children.isEmpty else { return nil }
            guard segment.contains(UInt8(ascii: "%")) else { return node.child(segment) }
            let decoded = Array(PercentCoding.decode(segment, plusIsBlank: false).utf8)
            return decoded.contains(UInt8(ascii: "/")) ? nil : decoded.withUnsafeBytes { node.child($0) }
        }

        private mutating func take(_ node: Node, _ value: UnsafeRawBufferPointer) {
            values.append(value)
            take(node)
            if route == nil { values.removeLast() }
        }

        private mutating func take(_ node: Node) {
            guard !node.routes.isEmpty else { return }
            route = node.routes[Int(method.rawValue)]
            // RFC 9110 §9.3.2: HEAD is GET without the body.
            if route == nil, method == .head { route = node.routes[Int(HTTPMethod.get.rawValue)] }
            guard route == nil else { return }
            for method in HTTPMethod.allCases where node.routes[Int(method.rawValue)] != nil {
                if !others.contains(method) { others.append(method) }
            }
        }
    }
}
