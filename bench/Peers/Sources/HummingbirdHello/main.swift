import Hummingbird
import Logging
import NIOPosix

let router = Router()
router.get("/") { _, _ in "Hello, World!" }
let application = Application(
    router: router,
    configuration: .init(address: .hostname("127.0.0.1", port: Int(CommandLine.arguments[1])!), backlog: 4096),
    eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
    logger: {
        var logger = Logger(label: "hello")
        logger.logLevel = .error
        return logger
    }())
try await application.runService()
