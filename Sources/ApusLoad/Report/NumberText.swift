/// Numbers as people read them.
nonisolated enum NumberText {
    /// With a fixed number of decimals, rounded.
    static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "0" }
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % scale)
        return sign + String(scaled / scale) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// "1,234,567".
    static func grouped(_ value: UInt64) -> String {
        var groups: [String] = []
        var rest = String(value)[...]
        while rest.count > 3 {
            groups.insert(String(rest.suffix(3)), at: 0)
            rest = rest.dropLast(3)
        }
        return ([String(rest)] + groups).joined(separator: ",")
    }

    /// "1.23 MiB".
    static func bytes(_ value: Double) -> String {
        var rest = value
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if rest < 1024 { return fixed(rest, decimals: unit == "B" ? 0 : 2) + " " + unit }
            rest /= 1024
        }
        return fixed(rest, decimals: 2) + " TiB"
    }

    /// "12.3 µs", "4.56 ms" or "7.89 s".
    static func microseconds(_ value: Double) -> String {
        if value < 1000 { return fixed(value, decimals: value < 100 ? 1 : 0) + " µs" }
        if value < 1_000_000 { return fixed(value / 1000, decimals: value < 100_000 ? 2 : 1) + " ms" }
        return fixed(value / 1_000_000, decimals: 2) + " s"
    }

    /// "12.0 s", "3 min 05 s".
    static func seconds(_ value: Double) -> String {
        if value < 60 { return fixed(value, decimals: value < 10 ? 2 : 1) + " s" }
        let whole = Int(value.rounded())
        return "\(whole / 60) min \(whole % 60 < 10 ? "0" : "")\(whole % 60) s"
    }
}
