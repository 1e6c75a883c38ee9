/// The patterns of routes, by number: a request tells which one it took without holding anything. They are kept until
/// the process ends; programs make their routes when they start.
enum RouteNames {
    private static var names: [String] = [""]

    /// The number of a pattern; 0 stands for none.
    static func add(_ name: String) -> Int {
        names.append(name)
        return names.count - 1
    }

    static subscript(number: Int) -> String? { number == 0 ? nil : names[number] }
}

extension HTTPRequest {
    /// The pattern of the route that the request took, such as `/users/:id`; nil without a router, or when none of its
    /// routes has the path.
    public var route: String? { RouteNames[routeNumber] }

    /// A number for a pattern: see `routeNumber`.
    package static func routeNumber(for pattern: String) -> Int { RouteNames.add(pattern) }
}
