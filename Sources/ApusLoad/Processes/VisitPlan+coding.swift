nonisolated extension VisitPlan {
    func encode(into message: inout MessageEncoder) {
        message.append(requests.count)
        for (request, weight) in zip(requests, weights) {
            message.append(request.method)
            message.append(request.path)
            HeaderField.encode(request.headers, into: &message)
            message.append(request.body != nil)
            message.append(request.body ?? [])
            message.append(weight)
        }
        message.append(data != nil)
        message.append(data?.columns ?? [])
        message.append(data?.rows.count ?? 0)
        for row in data?.rows ?? [] { message.append(row) }
        message.append(authority)
        message.append(keepsAlive)
        message.append(keepsCookies)
        message.append(mostRedirects)
        message.append(expectation.statuses.count)
        for range in expectation.statuses {
            message.append(UInt64(range.lowerBound))
            message.append(UInt64(range.upperBound))
        }
        message.append(expectation.body != nil)
        message.append(expectation.body ?? [])
        message.append(sequenceStart)
        message.append(sequenceStep)
    }

    init?(decoding message: inout MessageDecoder) {
        self.init()
        guard let requestCount = message.integer(in: 1...LoadOptions.maxURLs) else { return nil }
        for _ in 0..<requestCount {
            guard let method = message.string(), let path = message.string(),
                let headers = HeaderField.decode(from: &message), let hasBody = message.flag(),
                let body = message.text(), let weight = message.integer(in: 1...LoadOptions.maxWeight)
            else { return nil }
            requests.append(LoadRequest(path, method: method, headers: headers, body: hasBody ? body : nil))
            weights.append(weight)
        }
        guard let hasData = message.flag(), let columns = message.strings(), let rowCount = message.integer() else {
            return nil
        }
        var rows: [[String]] = []
        for _ in 0..<max(0, rowCount) {
            guard let row = message.strings(), row.count == columns.count else { return nil }
            rows.append(row)
        }
        if hasData { data = LoadData(columns: columns, rows: rows) }
        guard let authority = message.string(), let keepsAlive = message.flag(), let keepsCookies = message.flag(),
            let mostRedirects = message.integer(in: 0...LoadOptions.maxRedirects),
            let expectation = Self.expectation(from: &message),
            let sequenceStart = message.integer(in: 1...(1 << 32)),
            let sequenceStep = message.integer(in: 1...(1 << 32)), !hasData || !rows.isEmpty
        else { return nil }
        self.authority = authority
        self.keepsAlive = keepsAlive
        self.keepsCookies = keepsCookies
        self.mostRedirects = mostRedirects
        self.expectation = expectation
        self.sequenceStart = sequenceStart
        self.sequenceStep = sequenceStep
    }

    private static func expectation(from message: inout MessageDecoder) -> LoadExpectation? {
        guard let count = message.integer() else { return nil }
        var expectation = LoadExpectation()
        for _ in 0..<max(0, count) {
            guard let first = message.unsigned(), let last = message.unsigned(), first <= last, last <= 599 else {
                return nil
            }
            expectation.statuses.append(UInt16(first)...UInt16(last))
        }
        guard let hasBody = message.flag(), let body = message.text() else { return nil }
        if hasBody { expectation.body = body }
        return expectation
    }
}

nonisolated extension HeaderField {
    static func encode(_ fields: [HeaderField], into message: inout MessageEncoder) {
        message.append(fields.count)
        for field in fields {
            message.append(field.name)
            message.append(field.value)
        }
    }

    static func decode(from message: inout MessageDecoder) -> [HeaderField]? {
        guard let count = message.integer() else { return nil }
        var fields: [HeaderField] = []
        for _ in 0..<max(0, count) {
            guard let name = message.string(), let value = message.string(),
                let field = try? HeaderField(name: name, value: value)
            else { return nil }
            fields.append(field)
        }
        return fields
    }
}
