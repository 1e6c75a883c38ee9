import Glibc
import TestSupport
import Testing

/// System calls that fail in a service that runs: one connection pays for it, and never a process. All calls with all
/// errors are tried by `bench/Faults/errnos.py`; these are those that something was wrong with.
@Suite struct FailingCallTests {
    private static let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    /// A service with one worker, and what makes its calls fail.
    private func start(
        _ backend: String, count: Int = 1
    ) throws -> (calls: FailingCalls, service: Service, master: ServerProcess, endpoint: Endpoint) {
        let calls = try FailingCalls()
        let service = try Service(
            "Examples", "AllProtocols", backend, ["--http", "127.0.0.1:0", "--count", "\(count)"],
            launch: try calls.launch())
        let (master, endpoint) = try service.start()
        return (calls, service, master, endpoint)
    }

    @Test(arguments: backends)
    func aDescriptorThatCannotBeWatchedCostsItsConnection(_ backend: String) async throws {
        try await TestThreads.light.run {
            let (calls, service, master, endpoint) = try start(backend)
            let workers = master.children
            for error in [ENOMEM, ENOSPC] {
                calls.fail("epoll_ctl", error, nth: 1)
                let client = try Client(endpoint)
                try client.send(Self.request)
                // It is answered before it has to be watched.
                #expect(try client.readReply().status == 200)
                #expect(try client.readToEnd().bytes == [])
                calls.stop()
                #expect(calls.struck == 1)
                // One that answers again is watched by now: the next failure does not meet it.
                let next = try Client(endpoint)
                for _ in 0..<2 { #expect(try next.get("/").status == 200) }
            }
            #expect(service.log.contains("connections are closed"))
            #expect(master.children == workers)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func anAcceptThatFailsNeitherSpinsNorFillsTheLog(_ backend: String) async throws {
        try await TestThreads.light.run {
            let (calls, service, master, endpoint) = try start(backend)
            let worker = try #require(master.children.first)
            calls.fail("accept4", ENOMEM)
            let client = try Client(endpoint)
            try client.send(Self.request)
            try waitFor("accepts that fail") { calls.struck > 0 ? () : nil }
            let before = worker.cpuSeconds
            #expect(!client.isReadable(within: 1))
            #expect(worker.cpuSeconds - before < 0.3)
            #expect(service.log.split(separator: "\n").count { $0.contains("accept on") } == 1, "\(service.log)")
            calls.stop()
            #expect(try client.readReply().status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    /// Bytes that find no memory must not be left out of an answer, nor hang it.
    @Test(arguments: backends)
    func outputThatFindsNoMemoryEndsItsConnection(_ backend: String) async throws {
        try await TestThreads.light.run {
            let (calls, _, master, endpoint) = try start(backend)
            let workers = master.children
            let client = try Client(endpoint, receiveBuffer: 4096)
            try client.send(Self.request)
            #expect(try client.readReply().status == 200)
            calls.fail("malloc", ENOMEM)
            try client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
            try waitFor("memory that is not there") { calls.struck > 0 ? () : nil }
            let (bytes, _) = try client.readToEnd()
            #expect(bytes.count < 32 * 1024 * 1024)
            calls.stop()
            let reply = try Client(endpoint).get("/big")
            #expect(reply.body.count == 32 * 1024 * 1024)
            #expect(master.children == workers)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test func aMasterThatCannotWaitDoesNotSpin() async throws {
        try await TestThreads.light.run {
            let (calls, service, master, endpoint) = try start("epoll")
            calls.fail("poll", ENOMEM)
            // It waits for its next signal.
            _ = try service.launch("status")
            try waitFor("waits that fail") { calls.struck > 5 ? () : nil }
            let client = try Client(endpoint)
            let before = calls.struck
            #expect(!client.isReadable(within: 1))
            #expect(calls.struck - before < 2000)
            calls.stop()
            #expect(try service.run("status").status == .code(0))
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    /// A worker whose channel cannot be read for want of memory has not lost its master.
    @Test(arguments: backends)
    func aChannelThatCannotBeReadForAWhileIsNoLostMaster(_ backend: String) async throws {
        try await TestThreads.light.run {
            let (calls, service, master, endpoint) = try start(backend, count: 2)
            let workers = master.children
            calls.fail("recvmsg", ENOMEM)
            // The other one is told of its successor.
            try #require(workers.first).kill()
            try waitFor("messages that cannot be read") { calls.struck > 0 ? () : nil }
            calls.stop()
            #expect(eventually { master.children.count == 2 && !master.children.contains(workers[0]) })
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(master.children.contains(workers[1]), "\(service.log)")
            #expect(!service.log.contains("lost its master"))
            #expect(try master.stop() == .code(0))
        }
    }

    /// A worker that could not say that it is ready says so again: the start would wait for it for ever.
    @Test(arguments: backends)
    func wordThatDoesNotReachTheMasterIsSaidAgain(_ backend: String) async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            let service = try Service(
                "Examples", "AllProtocols", backend, ["--http", "127.0.0.1:0", "--count", "1"],
                launch: try calls.launch())
            calls.fail("sendmsg", ENOBUFS)
            let master = try service.launch("start")
            try waitFor("a word that is lost") { calls.struck > 0 ? () : nil }
            calls.stop()
            let endpoint = try #require(try master.endpoints().first)
            #expect(try Client(endpoint).get("/").status == 200)
            #expect(try master.stop() == .code(0))
        }
    }

    @Test func aDaemonThatCannotBecomeOneSaysSo() async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            let service = try Service(
                "Examples", "AllProtocols", "epoll", ["--http", "127.0.0.1:0"], launch: try calls.launch())
            for nth in [1, 2] as [UInt64] {
                calls.fail("fork", EAGAIN, nth: nth)
                let outcome = try service.run("start", "-d")
                #expect(calls.struck == 1)
                #expect(outcome.status == .code(1))
                #expect(outcome.errors.contains("Resource temporarily unavailable"), "\(outcome)")
            }
        }
    }

    /// Files that are opened and locked, and then cannot be looked at: neither the pid file nor the log is tried
    /// for ever.
    @Test func aPidFileThatCannotBeLookedAtEndsTheStart() async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            let service = try Service(
                "Examples", "AllProtocols", "epoll", ["--http", "127.0.0.1:0"], launch: try calls.launch())
            calls.fail("stat", EACCES)
            let outcome = try service.run("start")
            #expect(outcome.status == .code(1))
            #expect(outcome.errors.contains("Permission denied"), "\(outcome)")
        }
    }

    /// What the C core calls of the system can be made to fail, but for what cannot fail, or has nothing to say of it.
    @Test func everyCallOfTheCoreCanFail() async throws {
        let pure: Set = [
            "__errno_location", "__isoc99_fscanf", "__isoc99_sscanf", "__libc_current_sigrtmin", "__stack_chk_fail",
            "__tls_get_addr", "_exit", "abort", "atoi", "backtrace", "clock_gettime", "closedir", "dirfd",
            "dl_iterate_phdr",
            "dlsym", "environ", "exit", "fclose", "ferror", "fflush", "fgets", "fputs", "fread", "free",
            "freeaddrinfo", "fwrite", "gai_strerror", "getenv", "geteuid", "getgrnam", "getloadavg", "getpid", "htonl",
            "htons", "ntohs",
            "getppid", "getpwnam", "getpwuid", "gmtime_r", "inet_ntop", "inet_pton", "isatty", "localtime_r",
            "munmap", "perror", "pthread_detach", "pthread_mutex_init", "pthread_mutex_lock", "pthread_mutex_unlock",
            "pthread_sigmask", "raise", "readdir", "readlinkat", "sched_yield", "setenv", "sigaction", "sigaddset",
            "sigemptyset",
            "sigfillset", "signal", "sigprocmask", "snprintf", "stderr", "stdout", "strftime", "strtol", "sysconf",
            "time", "timer_settime", "umask", "uname", "unsetenv", "usleep",
        ]
        // Of libevent, OpenSSL, the Swift runtime and the sanitizers; of the core itself; and those on memory.
        let others =
            "ASN1_ BIO_ CRYPTO_ ERR_ EVP_ HMAC OCSP_ OPENSSL_ OSSL_ OpenSSL_ PEM_ PKCS RAND_ SSL_ TLS_ X509 d2i_ sk_ "
            + "GENERAL_ bufferevent_ evbuffer_ event_ _dispatch_ swift_ "
            + "__asan_ __ubsan_ __tsan_ __start_ __stop_ capus_ tls_ mem str _GLOBAL_"
        let prefixes = others.split(separator: " ").map(String.init)
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let objects = "\(ServerProcess.folderOfPrograms)/CApus.build"
            let files = folder.names(in: objects).filter { $0.hasSuffix(".o") }.map { "\(objects)/\($0)" }
            #expect(files.count > 10)
            let needed = try Self.symbols(["--undefined-only"] + files, in: folder)
            let library = try #require(FailingCalls().launch().environment["LD_PRELOAD"])
            let known = try Self.symbols(["--dynamic", "--defined-only", library], in: folder)
            #expect(known.contains("accept4") && needed.contains("accept4"))
            let missing = needed.subtracting(known).subtracting(pure).filter { name in
                !prefixes.contains { name.hasPrefix($0) }
            }
            #expect(missing.isEmpty, "add to errnos.c: \(missing.sorted())")
        }
    }

    private static func symbols(_ arguments: [String], in folder: TemporaryFolder) throws -> Set<String> {
        let process = try ServerProcess("/usr/bin/nm", arguments, in: folder)
        let lines = try process.outputToEnd().split(separator: "\n")
        #expect(try process.waitForExit() == .code(0), "\(process.errorText)")
        // The names of the files end with a colon.
        let names = lines.compactMap { $0.split(separator: " ").last.map(String.init) }
        return Set(names.filter { !$0.hasSuffix(":") })
    }

    /// A full disk costs an upload, which leaves nothing there.
    @Test(arguments: backends)
    func anUploadOntoAFullDiskIsRefused(_ backend: String) async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            let uploads = try TemporaryFolder()
            let service = try Service.conformance(
                backend, count: 1, ["--temporary", uploads.path], launch: try calls.launch())
            let (master, endpoint) = try service.start()
            let workers = master.children
            let content = [UInt8](repeating: 0x61, count: 200_000)
            let start = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\r\n"
            let form = Array(start.utf8) + content + Array("\r\n--b--\r\n".utf8)
            let head = "POST /body/form HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            let upload = Array("\(head)Content-Length: \(form.count)\r\n\r\n".utf8) + form
            calls.fail("write", ENOSPC)
            let refused = try Client(endpoint)
            _ = try refused.sendWhilePossible(upload)
            #expect(try refused.readReply().status == 500)
            #expect(calls.struck > 0)
            #expect(eventually { uploads.names.isEmpty })
            calls.stop()
            let client = try Client(endpoint)
            try client.send(upload)
            #expect(try client.readReply().text.hasPrefix("f: x.bin 200000"))
            #expect(master.children == workers)
            #expect(try master.stop() == .code(0))
        }
    }

    /// A full disk under the pid file, whose content is how commands find the master.
    @Test func aPidFileThatCannotBeWrittenKeepsTheProgramFromStarting() async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            let service = try Service(
                "Examples", "AllProtocols", "epoll", ["--http", "127.0.0.1:0"], launch: try calls.launch())
            calls.fail("pwrite", ENOSPC)
            let outcome = try service.run("start")
            #expect(outcome.status == .code(1))
            #expect(outcome.errors.contains("No space left on device"), "\(outcome)")
            #expect(access(service.folder.file("pid"), F_OK) != 0)
        }
    }
}
