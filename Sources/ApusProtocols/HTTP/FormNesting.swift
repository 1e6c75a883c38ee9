/// Puts fields of a form together as PHP does: `a[]=1&a[k]=2` is one value `a` with the keys `0` and `k`.
///
/// A later field replaces an earlier one of the same name. A name with brackets that do not pair up, or deeper than 64
/// of them, is taken as it is. Short names ask for many containers, so these are bounded as well: a field that would
/// need more is left out.
package struct FormNesting {
    /// More levels than any form has, and few enough for recursion.
    package static let maxDepth = 64

    private enum Child {
        case text(String)
        case container(Int)
    }

    private struct Container {
        var keys: [String] = []
        var children: [Child] = []
        var positions: [String: Int] = [:]
        /// The key of the next `[]`; nil once the largest number was one.
        var nextIndex: Int? = 0

        mutating func set(_ key: String, _ child: Child) {
            if let position = positions[key] {
                children[position] = child
                return
            }
            positions[key] = keys.count
            keys.append(key)
            children.append(child)
            guard let number = Int(key), String(number) == key, let next = nextIndex, number >= next else { return }
            nextIndex = number == .max ? nil : number + 1
        }
    }

    private var containers = [Container()]
    private let maxContainers: Int

    /// `maxContainers` is how many arrays and dictionaries there may be.
    package init(maxContainers: Int = .max) { self.maxContainers = maxContainers }

    /// Adds the next field of the form.
    package mutating func add(_ name: String, _ value: String) {
        let path = Self.path(name)
        guard hasRoom(path) else { return }
        var container = 0
        for (level, step) in path.enumerated() {
            // An empty step asks for the next number; there is none behind the largest.
            guard let key = step ?? containers[container].nextIndex.map(String.init) else { return }
            if level == path.count - 1 {
                containers[container].set(key, .text(value))
            } else {
                container = innerContainer(container, key)
            }
        }
    }

    /// All fields that were added.
    package var values: [String: FormValue] {
        var values: [String: FormValue] = [:]
        for (key, child) in zip(containers[0].keys, containers[0].children) { values[key] = value(child) }
        return values
    }

    /// Whether there may be as many containers as the path needs. The one of all fields does not count.
    private func hasRoom(_ path: [String?]) -> Bool {
        let room = maxContainers - (containers.count - 1)
        // Each step but the last is one.
        if path.count - 1 <= room { return true }
        var container = 0
        for (level, step) in path.dropLast().enumerated() {
            guard let key = step, let position = containers[container].positions[key],
                case .container(let inner) = containers[container].children[position]
            else { return path.count - 1 - level <= room }
            container = inner
        }
        return true
    }

    private mutating func innerContainer(_ outer: Int, _ key: String) -> Int {
        if let position = containers[outer].positions[key],
            case .container(let inner) = containers[outer].children[position]
        {
            return inner
        }
        containers.append(Container())
        containers[outer].set(key, .container(containers.count - 1))
        return containers.count - 1
    }

    private func value(_ child: Child) -> FormValue {
        switch child {
        case .text(let text): return .string(text)
        case .container(let index):
            let container = containers[index]
            let values = container.children.map(value)
            let isList = zip(0..., container.keys).allSatisfy { String($0) == $1 }
            return isList
                ? .array(values) : .dictionary(Dictionary(uniqueKeysWithValues: zip(container.keys, values)))
        }
    }

    /// `a[b][]` is `a`, `b`, nil.
    static func path(_ name: String) -> [String?] {
        let bytes = Array(name.utf8)
        guard bytes.last == UInt8(ascii: "]"), let first = bytes.firstIndex(of: UInt8(ascii: "[")), first > 0 else {
            return [name]
        }
        var path: [String?] = [String(decoding: bytes[..<first], as: UTF8.self)]
        var position = first
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "["), path.count <= maxDepth,
                let end = bytes[position...].firstIndex(of: UInt8(ascii: "]"))
            else { return [name] }
            let key = bytes[(position + 1)..<end]
            path.append(key.isEmpty ? nil : String(decoding: key, as: UTF8.self))
            position = end + 1
        }
        return path
    }
}
