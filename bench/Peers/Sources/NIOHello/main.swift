import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers every request with the same words, the way SwiftNIO's HTTP pipeline is meant to be used.
final class Hello: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var keepsAlive = true
    private let body = ByteBuffer(string: "Hello, World!")

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): keepsAlive = head.isKeepAlive
        case .body: break
        case .end:
            var head = HTTPResponseHead(version: .http1_1, status: .ok)
            head.headers.add(name: "Content-Type", value: "text/plain")
            head.headers.add(name: "Content-Length", value: "13")
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            let done: EventLoopPromise<Void>? = keepsAlive ? nil : context.eventLoop.makePromise()
            let channel = context.channel
            done?.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.write(wrapOutboundOut(.end(nil)), promise: done)
        }
    }

    // One write for all requests of one read.
    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
}

let port = Int(CommandLine.arguments[1])!
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let server = try ServerBootstrap(group: group)
    .serverChannelOption(.backlog, value: 4096)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
            try channel.pipeline.syncOperations.addHandler(Hello())
        }
    }
    .childChannelOption(.maxMessagesPerRead, value: 16)
    .bind(host: "127.0.0.1", port: port).wait()
try server.closeFuture.wait()
