nonisolated extension LoadReport {
    /// The version in the report.
    static let version = "0.1.0"

    /// The target in its normal form.
    var url: String { (try? LoadTarget(options.url))?.description ?? options.url }
}

nonisolated extension Duration {
    var inSeconds: Double { Double(inNanoseconds) / 1e9 }
}
