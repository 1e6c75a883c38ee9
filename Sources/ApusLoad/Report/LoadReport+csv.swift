nonisolated extension LoadReport {
    /// The latencies in milliseconds within which 0 to 99 percent of the responses came, as `ab -e` writes them.
    public var percentages: String {
        let buckets = latencies.buckets()
        var lines = ["Percentage served,Time in ms"]
        for percentage in 0...99 {
            let value = LatencyHistogram.value(atPercentile: Double(percentage), of: buckets, total: latencies.count)
            lines.append("\(percentage),\(NumberText.fixed(value / 1e6, decimals: 3))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

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
