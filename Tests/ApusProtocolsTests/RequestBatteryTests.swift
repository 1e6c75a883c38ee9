import RequestCases
import Testing

@Suite struct `The battery of requests` {
    @Test(arguments: RequestBattery.all)
    func `is read the same however it arrives`(_ example: RequestCase) {
        #expect(example.firstDeviation() == nil)
    }

    /// Of each kind there are many, and no case is there twice.
    @Test func `is large, and says why`() {
        let all = RequestBattery.all
        #expect(all.count >= 1500)
        #expect(all.allSatisfy { $0.clause.hasPrefix("RFC ") })
        #expect(all.count { if case .refused = $0.expected { true } else { false } } >= 800)
        #expect(all.count { if case .request = $0.expected { true } else { false } } >= 400)
        #expect(all.count { $0.expected == .incomplete } >= 50)
    }
}
