/// The requests of a load that are not all the same: which comes next, and with which values.
nonisolated struct RequestMix {
    private struct Entry {
        let method: String
        let path: Template
        let fieldLines: Template
        let body: Template?
        let weight: Int
        /// What it has to its credit: the one with the most comes next, and pays for it.
        var credit = 0

        var isConstant: Bool { path.isConstant && fieldLines.isConstant && body?.isConstant != false }
    }

    private var entries: [Entry] = []
    private let rows: [[String]]
    /// The number of the next request, from 1 on, and how many there are up to the one after it: those between are of
    /// other processes.
    private var sequence: UInt64
    private let step: UInt64

    /// Throws when a placeholder has an unknown name.
    init(_ plan: VisitPlan) throws(LoadOptionsError) {
        let columns = plan.data?.columns ?? []
        rows = plan.data?.rows ?? [[]]
        sequence = UInt64(plan.sequenceStart)
        step = UInt64(plan.sequenceStep)
        for (request, weight) in zip(plan.requests, plan.weights) {
            let parts = RequestParts(request, authority: plan.authority, keepsAlive: plan.keepsAlive)
            entries.append(
                Entry(
                    method: parts.method, path: try Template(parts.path, in: .path, columns: columns),
                    fieldLines: try Template(parts.fieldLines, in: .fields, columns: columns),
                    body: try parts.body.map { body throws(LoadOptionsError) in
                        try Template(body, in: .body, columns: columns)
                    }, weight: weight))
        }
    }

    /// All requests are the same.
    var isUniform: Bool { entries.count == 1 && entries[0].isConstant }

    /// Whether a value of the data can stand in the fields of a header.
    var usesData: Bool { rows != [[]] }

    /// Fills in the next request. Of 4 with the weights 3 and 1 the second kind is always one.
    mutating func next(_ parts: inout RequestParts) {
        let index = choose()
        let row = rows[Int((sequence - 1) % UInt64(rows.count))]
        parts.method = entries[index].method
        parts.path.removeAll(keepingCapacity: true)
        parts.fieldLines.removeAll(keepingCapacity: true)
        entries[index].path.append(to: &parts.path, sequence: sequence, row: row)
        entries[index].fieldLines.append(to: &parts.fieldLines, sequence: sequence, row: row)
        if let template = entries[index].body {
            var body = parts.body.take() ?? []
            body.removeAll(keepingCapacity: true)
            template.append(to: &body, sequence: sequence, row: row)
            parts.body = body
        } else {
            parts.body = nil
        }
        sequence += step
    }

    private mutating func choose() -> Int {
        guard entries.count > 1 else { return 0 }
        var best = 0
        var total = 0
        for index in entries.indices {
            entries[index].credit += entries[index].weight
            total += entries[index].weight
            if entries[index].credit > entries[best].credit { best = index }
        }
        entries[best].credit -= total
        return best
    }
}
