nonisolated extension LoadReport {
    /// The run second by second, for a spreadsheet: a head line, then a line for each interval. Times in seconds from
    /// the start, latencies in µs.
    public var csv: String {
        var lines = ["start,seconds,requests,errors,bytes_received,p50_us,p90_us,p99_us,max_us"]
        for interval in timeline {
            let latencies = [50, 90, 99, 100].map {
                NumberText.fixed(interval.microseconds(atPercentile: $0), decimals: 3)
            }
            let times = [interval.start, interval.duration].map { NumberText.fixed($0, decimals: 3) }
            let counts = [interval.requests, interval.errors, interval.bytesReceived].map(String.init)
            lines.append((times + counts + latencies).joined(separator: ","))
        }
        return lines.joined(separator: "\r\n") + "\r\n"  // RFC 4180
    }
}
