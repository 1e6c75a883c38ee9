/// The fields of a request that make its answer depend on the state of the representation (RFC 9110 §13.1, §14.2).
package struct HTTPConditions: Sendable {
    package var ifMatch: String?
    package var ifUnmodifiedSince: String?
    package var ifNoneMatch: String?
    package var ifModifiedSince: String?
    package var ifRange: String?
    package var range: String?

    package init() {}

    /// What is known of the representation that would be sent.
    package struct Representation: Sendable {
        package var tag: HTTPEntityTag
        package var modified: HTTPTime
        /// Bytes.
        package var size: Int

        package init(tag: HTTPEntityTag, modified: HTTPTime, size: Int) {
            self.tag = tag
            self.modified = modified
            self.size = size
        }
    }

    /// What is to be answered.
    package enum Answer: Equatable, Sendable {
        /// 200
        case whole
        /// 206; at least one range, see `HTTPByteRanges.satisfiable`.
        case ranges([Range<Int>])
        /// 304
        case notModified
        /// 412
        case preconditionFailed
        /// 416
        case rangeNotSatisfiable
    }

    /// Evaluates the conditions of a GET or, with `isHead`, of a HEAD request in the order of RFC 9110 §13.2.2. Dates
    /// that are none do not count.
    package func answer(for current: Representation, isHead: Bool, now: HTTPTime) -> Answer {
        if let ifMatch {
            guard HTTPEntityTag.list(ifMatch, contains: { $0.matchesStrongly(current.tag) }) else {
                return .preconditionFailed
            }
        } else if let limit = ifUnmodifiedSince.flatMap({ HTTPTime($0, now: now) }), current.modified > limit {
            return .preconditionFailed
        }
        if let ifNoneMatch {
            if HTTPEntityTag.list(ifNoneMatch, contains: { $0.matchesWeakly(current.tag) }) { return .notModified }
        } else if let known = ifModifiedSince.flatMap({ HTTPTime($0, now: now) }), current.modified <= known {
            return .notModified
        }
        // RFC 9110 §14.2: ranges are defined for GET alone.
        guard !isHead, let range, ifRange.map({ holds($0, current, now) }) ?? true else { return .whole }
        switch HTTPByteRanges(range, size: current.size) {
        case .ignored: return .whole
        case .unsatisfiable: return .rangeNotSatisfiable
        case .satisfiable(let ranges): return .ranges(ranges)
        }
    }

    /// RFC 9110 §13.1.5: the client's part fits the representation only if both are of the very same state.
    private func holds(_ ifRange: String, _ current: Representation, _ now: HTTPTime) -> Bool {
        if let tag = HTTPEntityTag(ifRange) { return tag.matchesStrongly(current.tag) }
        return HTTPTime(ifRange, now: now) == current.modified
    }
}
