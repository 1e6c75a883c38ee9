import Apus
import ApusZeroMQ

/// Takes what PUSH sockets of ZeroMQ send, and logs it.
///
///     Examples ZMQPull start [--bind tcp://127.0.0.1:5555]
///
///     python3 -c 'import zmq; s = zmq.Context().socket(zmq.PUSH); s.connect("tcp://127.0.0.1:5555"); s.send(b"hello")'
enum ZMQPull {
    static func set(_ arguments: [String]) throws {
        let endpoint = Options(arguments).value("bind") ?? "tcp://127.0.0.1:5555"
        let worker = Worker()
        worker.name = "Pull"
        var socket: ZMQSocket!
        worker.onWorkerStart = { _ in
            socket = try ZMQSocket(.pull)
            Worker.log("pulls from \(try socket.bind(endpoint))")
            socket.onMessage = { _, message in Worker.log("received: \(message.text)") }
        }
    }
}
