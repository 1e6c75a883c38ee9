/// What takes in what clients send to a worker's address: their connections, or their datagrams.
protocol ServerSocket: AnyObject {
    /// Takes in, from now on.
    func resume()
    /// Leaves what comes with the kernel.
    func pause()
    /// Takes in nothing any more.
    func close()
    /// Accepted sockets of which it is not known yet whose connections they are.
    var undecidedCount: Int { get }
}

extension ServerSocket {
    var undecidedCount: Int { 0 }
}
