/// What is asked, where that is not the same request each time and nothing is looked for in the responses.
package nonisolated struct VisitPlan: Sendable {
    package var requests: [LoadRequest] = []
    /// How often each of them comes, compared with the others.
    package var weights: [Int] = []
    package var data: LoadData?
    package var authority = ""
    package var keepsAlive = true
    package var keepsCookies = false
    /// Redirects that are followed from one request; 0 for none.
    package var mostRedirects = 0
    package var expectation = LoadExpectation()
    /// The number of the first request, and the distance to the next one: requests of several processes are numbered
    /// without a gap or a repetition, as long as they are as fast as each other.
    package var sequenceStart = 1
    package var sequenceStep = 1

    package init() {}

    /// There is no more to it than one request that never changes.
    func isPlain() throws(LoadOptionsError) -> Bool {
        try RequestMix(self).isUniform && !keepsCookies && mostRedirects == 0 && expectation.isAny
    }

    /// The share of the process `index` of `count`.
    func share(_ index: Int, of count: Int) -> VisitPlan {
        var share = self
        share.sequenceStart += index * sequenceStep
        share.sequenceStep *= count
        return share
    }
}
