/// Zones: the periods of a zone stand beside each other.
func fuzzZones(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let zone: ZoneFile?
    if first & 1 == 0 {
        zone = try? ZoneFile(Array(input.dropFirst()))
    } else {
        let rule = PosixZoneRule(text(UnsafeRawBufferPointer(rebasing: input.dropFirst())))
        zone = rule.map { ZoneFile(rule: $0) }
    }
    guard let zone else { return }
    var time = [0, 1_700_000_000, -(1 << 33), 1 << 40, -(1 << 50), 1 << 50][Int(first >> 1) % 6]
    for _ in 0..<5 {
        let period = zone.period(at: time)
        check(period.start <= time && time < period.end, "\(time) is not in \(period)")
        check(abs(period.offset) < 200_000 && abs(period.previousOffset) < 200_000, "\(period)")
        if period.start > -(1 << 50) {
            let before = zone.period(at: period.start - 1)
            check(before.end == period.start, "\(before) before \(period)")
            check(before.offset == period.previousOffset, "\(before) before \(period)")
        }
        guard period.end < 1 << 51 else { return }
        let next = zone.period(at: period.end)
        check(next.start == period.end && next.previousOffset == period.offset, "\(next) behind \(period)")
        time = period.end
    }
}

/// What the fields of a rule stand for, by another way than the rule's own.
private struct ExpectedRule {
    private var fields: [Set<Int>] = []

    init(_ rule: String) {
        let shortcuts = [
            "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
            "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
        ]
        var words = (shortcuts[rule.lowercased()] ?? rule).split { $0 == " " || $0 == "\t" }
        if words.count == 5 { words.insert("0", at: 0) }
        for (word, bounds) in zip(words, [0...59, 0...59, 0...23, 1...31, 1...12, 0...7]) {
            fields.append(Self.values(word, bounds))
        }
        if fields[5].remove(7) != nil { fields[5].insert(0) }
    }

    private static func values(_ word: Substring, _ bounds: ClosedRange<Int>) -> Set<Int> {
        let names = ["jan feb mar apr may jun jul aug sep oct nov dec", "sun mon tue wed thu fri sat"]
        func number(_ text: Substring) -> Int {
            if let number = Int(text) { return number }
            let names = names[bounds.upperBound == 12 ? 0 : 1].split(separator: " ")
            return names.firstIndex { $0 == text.lowercased() }! + bounds.lowerBound
        }
        // For weekdays 0 and 7 are one day, of which a step takes the first.
        let last = bounds.upperBound == 7 ? 6 : bounds.upperBound
        var values: Set<Int> = []
        for item in word.split(separator: ",") {
            let parts = item.split(separator: "/")
            let step = parts.count == 2 ? Int(parts[1])! : 1
            let ends = parts[0].split(separator: "-")
            var low = bounds.lowerBound
            var high = last
            if parts[0] != "*" {
                low = number(ends[0])
                high = parts.count == 2 ? max(low, last) : low
            }
            if ends.count == 2 { high = number(ends[1]) }
            if bounds.upperBound == 7, ends.count == 2, high == 0, low > 0 { high = 7 }
            var value = low
            while value <= high {
                values.insert(value)
                value += step
            }
        }
        return values
    }

    func holds(at local: Int) -> Bool {
        let (day, second) = local.flooredDivision(by: 86400)
        let date = CivilDate(dayNumber: day)
        let weekday = (day % 7 + 11) % 7
        let values = [second % 60, second / 60 % 60, second / 3600, date.day, date.month, weekday]
        return zip(fields, values).allSatisfy { $0.contains($1) }
    }
}

/// Rules of crontabs: each time is one that the rule names, later than the one before, and none is left out.
func fuzzCronRules(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let lines = text(UnsafeRawBufferPointer(rebasing: input[2...])).split(separator: "\n", maxSplits: 1)
    guard let first = lines.first, let rule = try? CronRule(String(first)) else { return }
    let expected = ExpectedRule(String(first))
    let start = 1_700_000_000 + Int(input[0]) * 1_000_003 + Int(input[1])
    var time = start
    for _ in 0..<3 {
        guard let next = rule.next(after: time, in: .utc) else { break }
        check(next > time && expected.holds(at: next), "«\(first)» after \(time) is \(next)")
        let missed = (time + 1..<min(next, time + 4000)).first { expected.holds(at: $0) }
        check(missed == nil, "«\(first)» leaves out \(missed ?? 0) after \(time)")
        time = next
    }
    guard lines.count == 2, let zone = try? ZoneInfo(name: "z", file: zoneFile(rule: lines[1])) else { return }
    time = start
    for _ in 0..<4 {
        guard let next = rule.next(after: time, in: zone) else { return }
        let local = next + zone.secondsFromUTC(at: next)
        check(next > time && expected.holds(at: local), "«\(first)» in \(lines[1]) after \(time) is \(next)")
        time = next
    }
}

/// A file of a zone that has always had this rule.
private func zoneFile(rule: Substring) -> [UInt8] {
    // One type of local time, which is UTC.
    let counts: [UInt8] = [0, 0, 0, 0, 1, 4].flatMap { [0, 0, 0, $0] }
    let block = Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + counts + [0, 0, 0, 0, 0, 0] + "UTC\0".utf8
    return block + block + Array("\n\(rule)\n".utf8)
}
